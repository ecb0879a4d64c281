import { DenoiseError } from "@denoise/core";
import { readBytes, readTensor, type StoredTensor } from "./stored_tensor.ts";

/** Names that a weight's scale has beside it, each with what it replaces: `weight` of `weight_scale`. */
const SCALES = ["scale_weight", "weight_scale"];
/** Scales of what goes into a layer: for products in float8 alone, which are not computed here. */
const INPUT_SCALES = ["scale_input", "input_scale"];
const FLOAT8 = /^float8_/;
/** What ComfyUI's `comfy_quant` may call its format where weights are float8 with one scale. */
const COMFY_FORMATS = ["float8_e4m3fn", "float8_e5m2"];

/**
 * Weights of eight bits with the scales that lie beside them, as ComfyUI (`scale_weight`, or
 * `weight_scale` with `comfy_quant`) and compressed-tensors (`weight_scale`) store them; all other
 * tensors as they are.
 *
 * @throws {DenoiseError} `unsupported_option` for scales that are neither one number nor one for each
 *   row, and formats that are not float8; `invalid_safetensors` for scales that are not finite.
 */
export async function withScales(
  tensors: Iterable<readonly [string, StoredTensor]>,
): Promise<Map<string, StoredTensor>> {
  const found = new Map(tensors);
  found.delete("scaled_fp8"); // tells ComfyUI which type the weights have
  for (const [name, stored] of [...found]) {
    if (name.endsWith(".comfy_quant")) {
      await checkComfyFormat(name, stored);
      found.delete(name);
    }
    if (!FLOAT8.test(stored.dtype) || !/(^|\.)weight$/.test(name)) continue;
    const beside = (part: string) => name.slice(0, -"weight".length) + part;
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

async function checkedScale(
  name: string,
  scale: StoredTensor,
  { dims }: StoredTensor,
): Promise<StoredTensor> {
  const values = (await readTensor(scale)).toFloat32Array();
  if (values.length !== 1 && values.length !== dims[0]) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot read the scale ${JSON.stringify(name)}: it has ${values.length} numbers [${
        scale.dims.join(", ")
      }] for a weight of [${
        dims.join(", ")
      }]; supported are one number, and one for each row. Take another ` +
        "version of the checkpoint, such as bfloat16 or GGUF",
    );
  }
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return { ...scale, dims: values.length === 1 ? [] : [values.length] };
  throw new DenoiseError(
    "invalid_safetensors",
    `Cannot read the scale ${JSON.stringify(name)}: it must be finite, but has ${wrong}`,
  );
}

async function checkComfyFormat(name: string, stored: StoredTensor): Promise<void> {
  let format: unknown;
  try {
    format = JSON.parse(new TextDecoder().decode(await readBytes(stored))).format;
  } catch (cause) {
    throw new DenoiseError("invalid_safetensors", `Cannot read ${JSON.stringify(name)}: no JSON`, {
      cause,
    });
  }
  if (typeof format === "string" && COMFY_FORMATS.includes(format)) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot read ${JSON.stringify(name)}: format must be one of ${
      COMFY_FORMATS.join(", ")
    }, but is ` +
      `${JSON.stringify(format)}. Take another version of the checkpoint, such as bfloat16 or GGUF`,
  );
}
