/**
 * Models of GGUF files: layers of each type, and pipelines of a whole file.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  GGUFQuantizationConfig,
  Qwen3Model,
  StableDiffusionPipeline,
  T5EncoderModel,
} from "@denoise/denoise";
import { ggufTensors } from "@denoise/gguf";
import { Checkpoint, lowerings, type Scope, type Value } from "@denoise/onnx/graph";
import { conv2d, embedding, linear } from "@denoise/onnx/nn";
import { runLayers } from "@denoise/onnx/testing";
import {
  openSafetensors,
  readBytes,
  readTensor,
  type StoredTensor,
  storedTensor,
} from "@denoise/safetensors";
import { ggufFile } from "./support/gguf_file.ts";
import { fixture } from "./support/golden.ts";

Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir());
const path = new URL("../plugins/foundations/gguf/testdata/types.gguf", import.meta.url).pathname;
const tensors = await ggufTensors(path);
const wave = (dims: readonly number[]) => {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.from(Float32Array.from({ length: size }, (_, i) => Math.sin(i * i)), dims);
};

type Build = (s: Scope, inputs: Readonly<Record<string, Value>>) => Value;

/** Runs layers over a stored weight, and over its numbers. */
async function both(build: Build, weight: StoredTensor, x: Tensor): Promise<[Tensor, Tensor]> {
  const bias = storedTensor(wave([weight.dims[0]!]));
  const numbers = await readTensor(weight);
  const run = (one: StoredTensor) =>
    runLayers(build, { x }, new Checkpoint([["weight", one], ["bias", bias]]));
  return [await run(weight), await run(storedTensor(numbers))];
}

describe("a weight of a GGUF file", () => {
  for (const [name, weight] of tensors) {
    if (weight.dims.length !== 2) continue;
    it(`${name} multiplies as its numbers do`, async () => {
      const x = wave([2, 3, weight.dims[1]!]);
      const [found, wanted] = await both((s, { x }) => linear(s, x!), weight, x);
      const most = wanted.toFloat32Array().reduce((most, y) => Math.max(most, Math.abs(y)), 0);
      // float32 sums of 512 products in another order, where offsets take most of them away again
      found.data.forEach((value, i) => {
        assertAlmostEquals(Number(value), Number(wanted.data[i]), 3e-6 * most);
      });
    });

    it(`${name} is a table of rows`, async () => {
      const rows = Tensor.from([0n, 2n, 1n]);
      const [found, wanted] = await both((s, { x }) => embedding(s, x!), weight, rows);
      assertEquals(found.data, wanted.data);
    });
  }

  it("of a convolution, whose blocks do not end with its rows, is widened", async () => {
    const build: Build = (s, { x }) => conv2d(s, x!, { padding: 1 });
    const [found, wanted] = await both(build, tensors.get("t.conv")!, wave([1, 8, 5, 5]));
    assertEquals(found.data, wanted.data);
  });

  it("is widened where a device has no products in blocks", async () => {
    const lowering = { ...lowerings.cpu, quantized: [] };
    const weight = tensors.get("t.Q4_K")!;
    const checkpoint = new Checkpoint([["weight", weight]]);
    const x = wave([2, 512]);
    const build: Build = (s, { x }) => linear(s, x!, { bias: false });
    const found = await runLayers(build, { x }, checkpoint, { lowering });
    const numbers = storedTensor(await readTensor(weight));
    const wanted = await runLayers(build, { x }, new Checkpoint([["weight", numbers]]));
    assertEquals(found.data, wanted.data);
  });
});

describe("fromSingleFile()", () => {
  it("takes a GGUF file, with the images of its numbers", async () => {
    const { tensors } = await openSafetensors(fixture("single_file/sd1.safetensors"));
    const config = fixture("tiny-stable-diffusion");
    const draw = async (file: string) => {
      const pipe = await StableDiffusionPipeline.fromSingleFile(file, { config });
      const { images } = await pipe("a cat", { numInferenceSteps: 3, seed: 5 });
      await pipe.dispose();
      return images[0]!.data;
    };
    const wanted = await draw(fixture("single_file/sd1.safetensors"));
    for (const [type, most] of [["F32", 0], ["Q8_0", 20]] as const) {
      const file = await Deno.makeTempFile({ suffix: ".gguf" });
      await Deno.writeFile(file, await ggufFile(tensors, type));
      const image = await draw(file);
      const apart = image.reduce((far, x, i) => Math.max(far, Math.abs(x - wanted[i]!)), 0);
      assert(apart <= most, `${type}: ${apart} of 255`);
      assert(type === "F32" || apart > 0, "nothing was quantized");
      await Deno.remove(file);
    }
  });
});

describe("a GGUF file of plain numbers", () => {
  const folder = "models/Qwen3Model/causal_lm";
  const open = async (type: "F32" | "F64" | "I8" | "I16" | "I32" | "I64") => {
    const { tensors } = await openSafetensors(`${fixture(folder)}/model.safetensors`);
    const renamed = [...tensors].map(([name, stored]) => [qwenName(name), stored] as const);
    const file = await Deno.makeTempFile({ suffix: ".gguf" });
    await Deno.writeFile(file, await ggufFile(renamed, type));
    return await Qwen3Model.fromSingleFile(file, { config: fixture(folder) });
  };

  it("may be in float64, which computes as float32", async () => {
    const ids = Tensor.from([[3n, 7n, 21n, 5n, 1n, 0n]]);
    const [wide, plain] = [await open("F64"), await open("F32")];
    const states = async (model: typeof wide) => (await model.forward(ids)).lastHiddenState.data;
    assertEquals(await states(wide), await states(plain));
    await Promise.all([wide.dispose(), plain.dispose()]);
  });

  for (
    const [type, name] of [["I8", "int8"], ["I16", "int16"], ["I32", "int32"], ["I64", "int64"]]
  ) {
    it(`is refused in ${type}`, async () => {
      const error = await assertRejects(
        () => open(type as "I8"),
        DenoiseError,
        `holds ${name}, and no scale lies beside it`,
      );
      assertEquals(error.code, "unsupported_option");
    });
  }
});

/** Names of a T5 encoder's tensors as llama.cpp has them. */
function t5Name(name: string): string {
  const parts: readonly [RegExp, string][] = [
    [/^shared\./, "token_embd."],
    [/^encoder\.final_layer_norm\./, "enc.output_norm."],
    [/^encoder\.block\./, "enc.blk."],
    [/layer\.0\.SelfAttention\.relative_attention_bias/, "attn_rel_b"],
    [/layer\.0\.SelfAttention\.([qkvo])/, "attn_$1"],
    [/layer\.0\.layer_norm/, "attn_norm"],
    [/layer\.1\.layer_norm/, "ffn_norm"],
    [/layer\.1\.DenseReluDense\.wi_0/, "ffn_gate"],
    [/layer\.1\.DenseReluDense\.wi_1/, "ffn_up"],
    [/layer\.1\.DenseReluDense\.wo/, "ffn_down"],
  ];
  return parts.reduce((now, [from, to]) => now.replace(from, to), name);
}

/** Names of a language model of Qwen as llama.cpp has them. */
function qwenName(name: string): string {
  const parts: readonly [RegExp, string][] = [
    [/^model\./, ""],
    [/^embed_tokens\./, "token_embd."],
    [/^norm\./, "output_norm."],
    [/^lm_head\./, "output."],
    [/^layers\./, "blk."],
    [/input_layernorm/, "attn_norm"],
    [/post_attention_layernorm/, "ffn_norm"],
    [/self_attn\.([qk])_norm/, "attn_$1_norm"],
    [/self_attn\.([qkv])_proj/, "attn_$1"],
    [/self_attn\.o_proj/, "attn_output"],
    [/mlp\.(gate|up|down)_proj/, "ffn_$1"],
  ];
  return parts.reduce((now, [from, to]) => now.replace(from, to), name);
}

describe("a text encoder's fromSingleFile()", () => {
  const ids = Tensor.from([[3n, 7n, 21n, 5n, 1n, 0n]]);
  const cases = [
    { Class: T5EncoderModel, folder: "tiny-flux-dev/text_encoder_2", nameOf: t5Name },
    { Class: Qwen3Model, folder: "models/Qwen3Model/causal_lm", nameOf: qwenName },
  ] as const;

  for (const { Class, folder, nameOf } of cases) {
    it(`reads ${Class.className} under the names of llama.cpp`, async () => {
      const config = fixture(folder);
      const { tensors } = await openSafetensors(`${config}/model.safetensors`);
      const renamed = [...tensors].map(([name, stored]) => [nameOf(name), stored] as const);
      const file = await Deno.makeTempFile({ suffix: ".gguf" });
      await Deno.writeFile(file, await ggufFile(renamed, "F32"));
      const plain = await Class.fromPretrained(config);
      const quantizationConfig = new GGUFQuantizationConfig({ computeDtype: "float32" });
      const found = await Class.fromSingleFile(file, { config, quantizationConfig });
      const states = async (model: typeof plain) => (await model.forward(ids)).lastHiddenState.data;
      assertEquals(await states(found), await states(plain));
      await assertRejects(() => Class.fromSingleFile(file), DenoiseError, "{ config: ");
      await assertRejects(
        () => Class.fromSingleFile(file, { config, quantizationConfig, torchDtype: "float16" }),
        RangeError,
        'torchDtype "float16" and computeDtype "float32" differ',
      );
      await assertRejects(
        () => Class.fromSingleFile(file, { config, quantizationConfig: { load_in_4bit: true } }),
        RangeError,
        "must be a GGUFQuantizationConfig",
      );
      await Promise.all([plain.dispose(), found.dispose()]);
      await Deno.remove(file);
    });
  }
});

describe("rows of a large table", () => {
  const COPIES = 64;

  /** A weight with its rows over and over. */
  async function repeated(stored: StoredTensor): Promise<StoredTensor> {
    const { dims: [rows, ...others], blocks } = stored;
    const bytes = await readBytes(stored);
    const data = new Uint8Array(bytes.length * COPIES);
    for (let i = 0; i < COPIES; i++) data.set(bytes, i * bytes.length);
    return {
      ...stored,
      dims: [rows! * COPIES, ...others],
      data,
      blocks: blocks && {
        ...blocks,
        scales: await repeated(blocks.scales),
        offsets: blocks.offsets && await repeated(blocks.offsets),
      },
    };
  }

  for (const [name, weight] of tensors) {
    if (weight.dims.length !== 2) continue;
    it(`${name} are widened alone, and are its numbers`, async () => {
      const table = await repeated(weight);
      const rows = Tensor.from([[0n, 2n], [BigInt(table.dims[0]! - 1), 100n]]);
      const [found, wanted] = await both((s, { x }) => embedding(s, x!), table, rows);
      assertEquals([found.dims, found.data], [wanted.dims, wanted.data]);
    });
  }
});
