import { DenoiseError } from "@denoise/core";
import { checkComfyFormat, INSTEAD } from "./comfy_quant.ts";
import { joinBitsandbytes } from "./bitsandbytes.ts";
import { readBytes, readTensor, type StoredTensor } from "./stored_tensor.ts";

/** Names that a weight's scale has beside it, each with what it replaces: `weight` of `weight_scale`. */
const SCALES = ["scale_weight", "weight_scale"];
/** Scales of what goes into a layer: for products in float8 alone, which are not computed here. */
const INPUT_SCALES = ["scale_input", "input_scale"];
const EIGHT_BITS = /^(float8_.*|int8)$/;
/** What goes with weights of other layouts than float8 and int8 with one scale, or one for each row. */
const OTHERS =
  /(^|\.)(weight_scale_(2|inv)|pre_quant_scale|weight_zero|weight_s_(rel|channel)|weight_codebook)$/;

/**
 * Weights of few bits with the scales that lie beside them, as ComfyUI (`scale_weight`, or
 * `weight_scale` with `comfy_quant`), compressed-tensors (`weight_scale`), quanto and torchao (float8 and int8)
 * and bitsandbytes (nf4, fp4, int8) store them; all other tensors as they are.
 *
 * @throws {DenoiseError} `unsupported_option` for scales that are neither one number nor one for each
 *   row, and formats that are neither float8 nor int8; `invalid_safetensors` for scales that are not finite.
 */
export async function withScales(
  tensors: Iterable<readonly [string, StoredTensor]>,
): Promise<Map<string, StoredTensor>> {
  const found = new Map(tensors);
  for (const name of [...found.keys()]) {
    // tells ComfyUI which type the weights have
    if (/(^|\.)scaled_fp8$/.test(name)) found.delete(name);
    if (OTHERS.test(name)) throw unread(name, "weights with it are in a layout that is not read");
  }
  await joinBitsandbytes(found);
  for (const layout of LAYOUTS) await joinLayout(found, layout);
  for (const [name, stored] of [...found]) {
    if (name.endsWith(".comfy_quant")) {
      checkComfyFormat(name, new TextDecoder().decode(await readBytes(stored)));
      found.delete(name);
    }
    if (!/(^|\.)weight$/.test(name)) continue;
    const beside = (part: string) => name.slice(0, -"weight".length) + part;
    if (stored.dtype === "uint8" && SCALES.some((part) => found.has(beside(part)))) {
      throw unread(name, "it is uint8 with a scale; read are float8 and int8");
    }
    if (!EIGHT_BITS.test(stored.dtype)) continue;
    for (const part of SCALES) {
      const scale = found.get(beside(part));
      if (scale === undefined) continue;
      found.set(name, { ...stored, scale: await checkedScale(beside(part), scale, stored) });
      found.delete(beside(part));
    }
    INPUT_SCALES.forEach((part) => found.delete(beside(part)));
  }
  return found;
}

/** How a library names the parts of a weight of eight bits with a scale for each row. */
interface Layout {
  /** The library. */
  readonly library: string;
  /** What its values are called, `weight` left out; the module is what stands before. */
  readonly values: string;
  /** Its scales. */
  readonly scale: string;
  /** Values that mean zero, all of which must be 0. */
  readonly zeros: string;
}

const LAYOUTS: readonly Layout[] = [
  { library: "quanto", values: "weight._data", scale: "weight._scale", zeros: "weight._shift" },
  {
    library: "torchao",
    values: "_weight_qdata",
    scale: "_weight_scale",
    zeros: "_weight_zero_point",
  },
];
/** Scales of what goes into and comes out of a layer, which quanto stores as 1 where there are none. */
const QUANTO_SCALES = ["input_scale", "output_scale"];

/** Takes the parts of weights of eight bits together, under the names that the model has. */
async function joinLayout(found: Map<string, StoredTensor>, layout: Layout): Promise<void> {
  const { library, values, scale, zeros } = layout;
  for (const [name, stored] of [...found]) {
    if (name !== values && !name.endsWith(`.${values}`)) continue;
    const module = name.slice(0, -values.length);
    const factors = found.get(module + scale);
    const refuse = (why: string) =>
      new DenoiseError(
        "unsupported_option",
        `Cannot read ${JSON.stringify(name)}, which ${library} has quantized: ${why}. ${INSTEAD}`,
      );
    if (factors === undefined) throw refuse(`there is no ${JSON.stringify(module + scale)}`);
    if (!EIGHT_BITS.test(stored.dtype)) {
      throw refuse(`its values are ${stored.dtype}, not of 8 bits`);
    }
    const offset = found.get(module + zeros);
    if (
      offset !== undefined && (await readTensor(offset)).toFloat32Array().some((zero) => zero !== 0)
    ) {
      throw refuse("its values have zeros of their own");
    }
    for (const part of library === "quanto" ? QUANTO_SCALES : []) {
      const activations = found.get(module + part);
      if (activations !== undefined && (await readTensor(activations)).toFloat32Array()[0] !== 1) {
        throw refuse("its activations are quantized, too");
      }
      found.delete(module + part);
    }
    found.set(`${module}weight`, {
      ...stored,
      scale: await checkedScale(module + scale, factors, stored),
    });
    for (const part of [values, scale, zeros]) found.delete(module + part);
  }
}

async function checkedScale(
  name: string,
  scale: StoredTensor,
  { dims }: StoredTensor,
): Promise<StoredTensor> {
  const values = (await readTensor(scale)).toFloat32Array();
  if (values.length !== 1 && (values.length !== dims[0] || scale.dims[0] !== dims[0])) {
    throw unread(
      name,
      `it has ${values.length} numbers [${scale.dims.join(", ")}] for a weight of [${
        dims.join(", ")
      }]; supported are one number, and one for each row`,
    );
  }
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return { ...scale, dims: values.length === 1 ? [] : [values.length] };
  throw new DenoiseError(
    "invalid_safetensors",
    `Cannot read the scale ${JSON.stringify(name)}: it must be finite, but has ${wrong}`,
  );
}

function unread(name: string, why: string): DenoiseError {
  return new DenoiseError(
    "unsupported_option",
    `Cannot read ${JSON.stringify(name)}: ${why}. ${INSTEAD}`,
  );
}
