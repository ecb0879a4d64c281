/**
 * Files in float8 of every family with a transformer, as ComfyUI, Black Forest Labs and conversion tools write them: the model is the
 * one of the numbers that the file's values and scales make.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DenoiseError, type Model, type ModelClass, Tensor } from "@denoise/core";
import { FluxTransformer2DModel, registry } from "@denoise/denoise";
import {
  readTensor,
  type StoredTensor,
  storedTensor,
  writeSafetensors,
} from "@denoise/safetensors";
import { fixture, readGolden, relativeDifference } from "./support/golden.ts";
import { callModel, type ModelCall } from "./support/models.ts";
import { type Layout, original, originalCases, tensorsOf } from "./support/original_files.ts";

type Tensors = ReadonlyMap<string, Tensor>;
type File = Map<string, StoredTensor>;

/** The numbers of the 256 values of float8_e4m3fn. */
const VALUES = (await readTensor({
  dtype: "float8_e4m3fn",
  dims: [256],
  data: Uint8Array.from({ length: 256 }, (_, byte) => byte),
})).toFloat32Array();
/** Its largest number. */
const LARGEST = 448;

/** The values of float8 that are next to these numbers. */
function rounded(numbers: Float32Array): Uint8Array {
  const order = [...VALUES.keys()].filter((byte) => Number.isFinite(VALUES[byte]))
    .sort((a, b) => VALUES[a]! - VALUES[b]!);
  return Uint8Array.from(numbers, (number) => {
    let [low, high] = [0, order.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (VALUES[order[middle]!]! <= number) low = middle;
      else high = middle;
    }
    const [below, above] = [VALUES[order[low]!]!, VALUES[order[high]!]!];
    return order[number - below <= above - number ? low : high]!;
  });
}

/** A tensor in float8, divided by one scale or by one for each row. */
function float8(tensor: Tensor, scales: readonly number[] = [1]): StoredTensor {
  const numbers = tensor.toFloat32Array();
  const row = numbers.length / scales.length;
  const divided = numbers.map((x, i) => x / Math.fround(scales[Math.floor(i / row)]!));
  return { dtype: "float8_e4m3fn", dims: tensor.dims, data: rounded(divided) };
}

function largestOf(numbers: Float32Array): number {
  return numbers.reduce((so, x) => Math.max(so, Math.abs(x)), 1e-3) / LARGEST;
}

const float32 = (values: readonly number[], dims: readonly number[]) =>
  storedTensor(new Tensor("float32", Float32Array.from(values), dims));
const text = (words: string): StoredTensor => {
  const data = new TextEncoder().encode(words);
  return { dtype: "uint8", dims: [data.length], data };
};
const isMatrix = (name: string, { dims }: Tensor) =>
  name.endsWith(".weight") && dims.length === 2 && dims[0]! > 1;

/** The tensors of weights with their scales, and all others as they are. */
function scaled(
  tensors: Tensors,
  more: (module: string, weight: Tensor) => Record<string, StoredTensor>,
  perRow = false,
): File {
  const file: File = new Map();
  for (const [name, tensor] of tensors) {
    if (!isMatrix(name, tensor)) {
      file.set(name, storedTensor(tensor));
      continue;
    }
    const rows = tensor.dims[0]!;
    const numbers = tensor.toFloat32Array();
    const width = numbers.length / rows;
    const scales = perRow
      ? Array.from(
        { length: rows },
        (_, i) => largestOf(numbers.slice(i * width, (i + 1) * width)),
      )
      : [largestOf(numbers)];
    file.set(name, float8(tensor, scales));
    const module = name.slice(0, -"weight".length);
    for (const [part, stored] of Object.entries(more(module, Tensor.from(scales)))) {
      file.set(module + part, stored);
    }
  }
  return file;
}

/** A way in which float8 lies in files; what stands in the header of the file. */
interface Style {
  readonly prefix: string;
  readonly write: (tensors: Tensors, prefix: string) => File;
  readonly header?: (file: File) => Record<string, string>;
}

const STYLES: Readonly<Record<string, Style>> = {
  "matrices without a scale": {
    prefix: "",
    write: (tensors) =>
      new Map([...tensors].map(([name, tensor]) => [
        name,
        tensor.dims.length > 1 ? float8(tensor) : storedTensor(tensor),
      ])),
  },
  "all tensors without a scale": {
    prefix: "model.diffusion_model.",
    write: (tensors) => new Map([...tensors].map(([name, tensor]) => [name, float8(tensor)])),
  },
  "scaled_fp8 with scale_weight and scale_input": {
    prefix: "model.diffusion_model.",
    write: (tensors, prefix) =>
      scaled(tensors, (_, scale) => ({
        scale_weight: float32([...scale.toFloat32Array()], [1]),
        scale_input: float32([3], [1]),
      })).set(`${prefix}scaled_fp8`, { ...float8(Tensor.from([1, 1])) }),
  },
  "weight_scale and input_scale by the file's header": {
    prefix: "",
    write: (tensors) =>
      scaled(tensors, (_, scale) => ({
        weight_scale: float32([...scale.toFloat32Array()], []),
        input_scale: float32([3], []),
      })),
    header: (file) => {
      const names = [...file.keys()].filter((name) => name.endsWith(".weight_scale"));
      const layers = names.map((
        name,
      ) => [name.replace(/\.weight_scale$/, ""), { format: "float8_e4m3fn" }]);
      const note = { format_version: "1.0", layers: Object.fromEntries(layers) };
      return { _quantization_metadata: JSON.stringify(note) };
    },
  },
  "weight_scale for each row by comfy_quant": {
    prefix: "model.diffusion_model.",
    write: (tensors) =>
      scaled(tensors, (_, scale) => ({
        weight_scale: float32([...scale.toFloat32Array()], [scale.size, 1]),
        comfy_quant: text('{"format": "float8_e4m3fn_rowwise"}'),
      }), true),
  },
};

async function save(path: string, file: File, header: Record<string, string> = {}): Promise<void> {
  const tensors = [...file].map(([name, { dtype, dims, data }]) => ({
    name,
    dtype,
    dims,
    bytes: () => Promise.resolve(data as Uint8Array),
  }));
  await writeSafetensors(path, tensors, header);
}

/** The same file with the numbers that values and scales make, in float32. */
async function numbersOf(file: File): Promise<File> {
  const made: File = new Map();
  for (const [name, stored] of file) {
    if (/(scaled_fp8|comfy_quant|scale_weight|weight_scale|scale_input|input_scale)$/.test(name)) {
      continue;
    }
    const module = name.slice(0, -"weight".length);
    const scale = ["scale_weight", "weight_scale"].map((part) => file.get(module + part))
      .find((found) => found !== undefined);
    const numbers = (await readTensor(stored)).toFloat32Array();
    const scales = scale === undefined ? [1] : (await readTensor(scale)).toFloat32Array();
    const row = numbers.length / scales.length;
    const whole = numbers.map((x, i) => x * scales[Math.floor(i / row)]!);
    made.set(name, storedTensor(new Tensor("float32", whole, stored.dims)));
  }
  return made;
}

async function outputsOf(model: Model, folder: string): Promise<Tensor[]> {
  const golden = await readGolden<{ readonly cases: readonly ModelCall[] }>(folder);
  const call = golden.head.cases.find(({ dtype }) => dtype === undefined)!;
  const outputs = await callModel(model, call, golden);
  await model.dispose();
  return Object.values(outputs).filter((one): one is Tensor => one !== undefined);
}

async function classOf(className: string): Promise<ModelClass<Model>> {
  const found = await registry.get(className, "model", "a test");
  return (found as unknown as ModelClass<Model>).using(registry);
}

const firsts = new Map<string, { readonly folder: string; readonly layout: Layout }>();
for (const { className, folder, layout } of originalCases) {
  if (className !== "AutoencoderDC" && !firsts.has(className)) {
    firsts.set(className, { folder, layout });
  }
}

describe("fromSingleFile() of float8", () => {
  for (const [className, { folder, layout }] of firsts) {
    for (const [style, { prefix, write, header }] of Object.entries(STYLES)) {
      it(`reads ${className} with ${style}`, async () => {
        const Class = await classOf(className);
        const root = await Deno.makeTempDir();
        const tensors = await original(fixture(folder), layout, prefix);
        const file = write(tensors, prefix);
        await save(`${root}/float8.safetensors`, file, header?.(file));
        await save(`${root}/float32.safetensors`, await numbersOf(file));
        const config = { config: fixture(folder) };
        const made: Tensor[][] = [];
        for (const name of ["float8", "float32"]) {
          const model = await Class.fromSingleFile(`${root}/${name}.safetensors`, config);
          made.push(await outputsOf(model, folder));
        }
        const [found, wanted] = made as [Tensor[], Tensor[]];
        assert(wanted.length > 0);
        // the same numbers, multiplied by their scales at another place of the graph
        found.forEach((one, i) => assert(relativeDifference(one, wanted[i]!) < 1e-5));
        await Deno.remove(root, { recursive: true });
      });
    }
  }

  const refused: Record<string, [parts: Record<string, StoredTensor>, message: string]> = {
    nvfp4: [{
      weight_scale: float8(Tensor.from([1])),
      weight_scale_2: float32([1], []),
      comfy_quant: text('{"format": "nvfp4"}'),
    }, "weight_scale_2"],
    mxfp8: [{ comfy_quant: text('{"format": "mxfp8"}') }, '"mxfp8"'],
    "int8 that is rotated": [{
      comfy_quant: text('{"format": "int8_tensorwise", "convrot": true}'),
    }, "with convrot"],
    "blocks of transformers": [{ weight_scale_inv: float32([1], [1, 1]) }, "weight_scale_inv"],
    "weights that are smoothed": [{ pre_quant_scale: float32([1], [1]) }, "pre_quant_scale"],
  };
  for (const [style, [parts, message]] of Object.entries(refused)) {
    it(`refuses ${style} by name`, async () => {
      const { folder, layout } = firsts.get("FluxTransformer2DModel")!;
      const root = await Deno.makeTempDir();
      const file = scaled(await original(fixture(folder), layout), () => parts);
      await save(`${root}/file.safetensors`, file);
      const error = await assertRejects(
        () =>
          FluxTransformer2DModel.fromSingleFile(`${root}/file.safetensors`, {
            config: fixture(folder),
            unexpectedTensors: "warn",
          }),
        DenoiseError,
        message,
      );
      assertEquals(error.code, "unsupported_option");
      await Deno.remove(root, { recursive: true });
    });
  }

  it("refuses what the header of a file names", async () => {
    const { folder, layout } = firsts.get("FluxTransformer2DModel")!;
    const root = await Deno.makeTempDir();
    const file = scaled(await original(fixture(folder), layout), () => ({}));
    const layers = { "double_blocks.0.img_mlp.0": { format: "int8_tensorwise", convrot: true } };
    const header = { _quantization_metadata: JSON.stringify({ layers }) };
    await save(`${root}/file.safetensors`, file, header);
    const error = await assertRejects(
      () =>
        FluxTransformer2DModel.fromSingleFile(`${root}/file.safetensors`, {
          config: fixture(folder),
        }),
      DenoiseError,
      'double_blocks.0.img_mlp.0": format must be one of',
    );
    assertEquals(error.code, "unsupported_option");
    await Deno.remove(root, { recursive: true });
  });
});

/** Transformers that no file of their authors is read of, but a folder. */
const FOLDERS = [
  "LongCatImageTransformer2DModel/plain",
  "OvisImageTransformer2DModel/plain",
  "QwenImage21Transformer2DModel/qwen21",
  "PixArtTransformer2DModel/sigma",
  "DiTTransformer2DModel/dit",
  "AnimaTextConditioner/anima",
  "StableAudioDiTModel/grouped",
  "ErnieImageTransformer2DModel/ernie",
];

/** Text encoders, in repos whose transformer is in float8 too. */
const TEXT_ENCODERS = [
  "CLIPTextModel/sd1",
  "T5EncoderModel/gated_gelu",
  "Qwen3Model/grouped",
  "Qwen2_5_VLForConditionalGeneration/nested",
  "Qwen3VLForConditionalGeneration/text",
  "Mistral3ForConditionalGeneration/small",
  "Gemma2Model/gemma",
  "Gemma3TextModel/text",
];
const STEMS = new Map([
  ...FOLDERS.map((name) => [name, "diffusion_pytorch_model"] as const),
  ...TEXT_ENCODERS.map((name) => [name, "model"] as const),
]);

describe("fromPretrained() of float8", () => {
  for (const [name, stem] of STEMS) {
    for (const [style, { write, header }] of Object.entries(STYLES)) {
      it(`reads ${name} with ${style}`, async () => {
        const folder = `models/${name}`;
        const Class = await classOf(name.split("/")[0]!);
        const root = await Deno.makeTempDir();
        const file = write(await tensorsOf(fixture(folder)), "");
        const made: Tensor[][] = [];
        for (const own of [file, await numbersOf(file)]) {
          await Deno.copyFile(`${fixture(folder)}/config.json`, `${root}/config.json`);
          await save(`${root}/${stem}.safetensors`, own, header?.(own));
          made.push(await outputsOf(await Class.fromPretrained(root), folder));
        }
        const [found, wanted] = made as [Tensor[], Tensor[]];
        assert(wanted.length > 0);
        found.forEach((one, i) => assert(relativeDifference(one, wanted[i]!) < 1e-5));
        await Deno.remove(root, { recursive: true });
      });
    }
  }
});

/** Text encoders whose repos are not in float8, beside those. */
const MORE_ENCODERS = [
  "CLIPTextModelWithProjection/sdxl",
  "UMT5EncoderModel/gated_gelu",
  "Gemma3ForConditionalGeneration/older",
  "LlamaModel/grouped",
];

/** A text encoder's tensors as ComfyUI's files have them, with the file of its tokenizer. */
function ofComfy(tensors: Tensors): Map<string, Tensor> {
  const renamed = [...tensors].filter(([name]) => !/vision_tower|multi_modal/.test(name)).map((
    [name, tensor],
  ) =>
    [
      name.replace(/^(model\.)?language_model\.(model\.)?/, "model.")
        .replace(/^model\.visual\./, "visual.")
        .replace(/^(embed_tokens|layers|norm)\./, "model.$1."),
      tensor,
    ] as const
  );
  return new Map(renamed);
}

describe("fromSingleFile() of a text encoder of ComfyUI", () => {
  const tokenizer = text("a tokenizer");

  for (const name of [...TEXT_ENCODERS, ...MORE_ENCODERS]) {
    const folder = `models/${name}`;
    const [className] = name.split("/") as [string];

    it(`reads ${className} as transformers does, and float8 with scales`, async () => {
      const Class = await classOf(className);
      const root = await Deno.makeTempDir();
      const tensors = ofComfy(await tensorsOf(fixture(folder)));
      const path = `${root}/encoder.safetensors`;
      const config = { config: fixture(folder) };
      const read = async (file: File) => {
        const isLanguage = !className.startsWith("CLIP") && className !== "T5EncoderModel";
        await save(path, isLanguage ? new Map(file).set("spiece_model", tokenizer) : file);
        return await outputsOf(await Class.fromSingleFile(path, config), folder);
      };
      const plain = new Map([...tensors].map(([key, tensor]) => [key, storedTensor(tensor)]));
      // what a folder gives is held against transformers
      const known = await outputsOf(await Class.fromPretrained(fixture(folder)), folder);
      assertEquals((await read(plain)).map(({ data }) => data), known.map(({ data }) => data));
      for (
        const style of ["matrices without a scale", "scaled_fp8 with scale_weight and scale_input"]
      ) {
        const file = STYLES[style]!.write(tensors, "");
        const [found, wanted] = [await read(file), await read(await numbersOf(file))];
        assert(wanted.length > 0);
        found.forEach((one, i) => assert(relativeDifference(one, wanted[i]!) < 1e-5));
      }
      await Deno.remove(root, { recursive: true });
    });
  }

  it("takes them out of whole checkpoints, too", async () => {
    const cases = [
      ["Qwen3Model/grouped", "qwen3_4b"],
      ["Gemma2Model/gemma", "gemma2_2b"],
      ["Qwen2_5_VLForConditionalGeneration/nested", "qwen25_7b"],
      ["UMT5EncoderModel/gated_gelu", "pile_t5xl"],
    ] as const;
    for (const [name, part] of cases) {
      const folder = `models/${name}`;
      const Class = await classOf(name.split("/")[0]!);
      const path = await Deno.makeTempFile({ suffix: ".safetensors" });
      const within = [...ofComfy(await tensorsOf(fixture(folder)))].map(([key, tensor]) =>
        [`text_encoders.${part}.transformer.${key}`, storedTensor(tensor)] as const
      );
      await save(path, new Map([...within, ["model.diffusion_model.x", tokenizer]]));
      const model = await Class.fromSingleFile(path, { config: fixture(folder) });
      const known = await outputsOf(await Class.fromPretrained(fixture(folder)), folder);
      const found = await outputsOf(model, folder);
      assertEquals(found.map(({ data }) => data), known.map(({ data }) => data));
      await Deno.remove(path);
    }
  });

  it("has no projection in CLIP-L's file, and says what another encoder lacks", async () => {
    const folder = fixture("models/CLIPTextModelWithProjection/sdxl");
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    const tensors = new Map(await tensorsOf(folder));
    assert(tensors.delete("text_projection.weight"));
    const file = [...tensors].map(([name, tensor]) => [name, storedTensor(tensor)] as const);
    await save(path, new Map(file));
    const Class = await classOf("CLIPTextModelWithProjection");
    await assertRejects(
      () => Class.fromSingleFile(path, { config: folder }),
      DenoiseError,
      "text_projection.weight",
    );
    const Other = await classOf("Qwen3Model");
    const none = await assertRejects(
      () => Other.fromSingleFile(path, { config: fixture("models/Qwen3Model/grouped") }),
      DenoiseError,
      "the file holds none",
    );
    assertEquals(none.code, "missing_component");
    const unnamed = await assertRejects(
      () => Other.fromSingleFile(path),
      DenoiseError,
      "{ config:",
    );
    assertEquals(unnamed.code, "missing_component");
    await Deno.remove(path);
  });
});
