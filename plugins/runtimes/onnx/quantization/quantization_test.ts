import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import {
  DenoiseError,
  type JsonObject,
  type LoadOptions,
  type Model,
  number,
  Tensor,
} from "@denoise/core";
import type { AdaptableModel } from "@denoise/adapters";
import { defineModel, float32, inlineEngine, type OnnxModelClass } from "@denoise/onnx";
import { type Checkpoint, Graph, lowerings, Scope, type Value } from "@denoise/onnx/graph";
import { add, conv2d, linear, upsampleNearestLike } from "@denoise/onnx/nn";
import { checkpointOf, runLayers } from "@denoise/onnx/testing";
import { openSafetensors, storedTensor, withScales } from "@denoise/safetensors";
import { quantized } from "./cache.ts";
import { isQuantized, methodOfLayer, quantizedLayers } from "./layers.ts";
import { type Method, methodOf } from "./method.ts";
import { toBlocks, toInt8 } from "./quantize.ts";
import { greatestInt8 } from "./saturation.ts";

/** Integers that look random, the same at each run. */
function integers(dims: readonly number[], least: number, most: number): Tensor {
  let state = 1;
  const next = () => state = (state * 48271) % 2147483647;
  const size = dims.reduce((product, dim) => product * dim, 1);
  const range = most - least + 1;
  return Tensor.from(Float32Array.from({ length: size }, () => least + next() % range), dims);
}

/** The same with the given value at the start of each row, which makes the row's scale 1. */
function startingWith(value: number, weight: Tensor, every: number): Tensor {
  const data = Float32Array.from(weight.data as Float32Array);
  for (let i = 0; i < data.length; i += every) data[i] = value;
  return Tensor.from(data, weight.dims);
}

async function quantizedCheckpoint(
  tensors: Readonly<Record<string, Tensor>>,
  method: Method,
): Promise<Checkpoint> {
  const weights = [["weight", storedTensor(tensors["weight"]!)]] as const;
  return checkpointOf(tensors).withQuantized(await quantized(weights, method, most));
}

beforeAll(async () => Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir()));

const engine = inlineEngine();
/** The greatest int8 weight of this processor: larger ones would not be exact on it. */
const most = await greatestInt8(engine);
await engine.close();

const int8: Method = { kind: "int8" };
const methods: Record<string, [Method, number]> = {
  int8: [int8, most],
  "4 bits": [{ kind: "blocks", bits: 4, blockSize: 16 }, -8],
  "8 bits": [{ kind: "blocks", bits: 8, blockSize: 32 }, -128],
};

type Build = (s: Scope, inputs: Readonly<Record<string, Value>>) => Value;

describe("quantized layers", () => {
  // With integer weights whose scale is 1, and inputs of 0 to 255 that have both, nothing is rounded, so
  // that the result is that of float32 to the last bit.
  const asInFloat32 = async (
    build: Build,
    x: Tensor,
    weight: Tensor,
    method: Method,
    bands: number,
  ) => {
    const bias = integers([weight.dims[0]!], -9, 9);
    const tensors = { weight, bias };
    const wanted = await runLayers(build, { x }, tensors);
    const found = await runLayers(build, { x }, await quantizedCheckpoint(tensors, method), {
      bands,
    });
    assertEquals(found.dims, wanted.dims);
    assertEquals(found.data, wanted.data);
  };
  const full = (x: Tensor) => {
    const data = Float32Array.from(x.data as Float32Array);
    [data[0], data[1]] = [0, 255];
    return Tensor.from(data, x.dims);
  };

  for (const [name, [method, first]] of Object.entries(methods)) {
    const [least, most] = first > 0 ? [-first, first] : [first, -first - 1];
    const every = method.kind === "blocks" ? method.blockSize : 64;

    it(`linear() with ${name} is exact where nothing is rounded`, async () => {
      const weight = startingWith(first, integers([24, 64], least, most), every);
      const x = full(integers([2, 5, 64], 0, 255));
      await asInFloat32((s, { x }) => linear(s, x!), x, weight, method, 1);
    });

    for (const stride of [1, 2]) {
      for (const padding of [0, 1, [0, 0, 1, 1], [2, 1, 0, 3]] as const) {
        for (const bands of [1, 3, 8]) {
          const options = { stride, padding };
          it(`conv2d() ${JSON.stringify(options)} with ${name} in ${bands} bands is exact`, async () => {
            const channels = method.kind === "blocks" ? method.blockSize : 16;
            const plain = integers([20, channels, 3, 3], least, most);
            // a block is a place under the kernel: its first number is that of the first channel
            const weight = startingWith(first, plain, channels * 9);
            const data = weight.data as Float32Array;
            data.forEach((_, i) => i % (channels * 9) < 9 && (data[i] = first));
            const x = full(integers([2, channels, 5, 7], 0, 255));
            await asInFloat32((s, { x }) => conv2d(s, x!, options), x, weight, method, bands);
          });
        }
      }
    }

    it(`conv2d() with ${name} is cut into bands where images have many pixels as a rule`, async () => {
      const channels = method.kind === "blocks" ? method.blockSize : 16;
      const plain = integers([20, channels, 3, 3], least, most);
      const weight = startingWith(first, plain, channels * 9);
      (weight.data as Float32Array).forEach((_, i, all) =>
        i % (channels * 9) < 9 && (all[i] = first)
      );
      const sizeOf = async (pixels: number) => {
        const tensors = await quantizedCheckpoint({ weight, bias: integers([20], -9, 9) }, method);
        const graph = new Graph();
        const x = graph.input("x", "float32", ["batch", channels, "height", "width"]);
        conv2d(new Scope(graph, tensors), x, { padding: 1, pixels });
        return graph.size;
      };
      // nine places of 16 channels at 512x512: 38 MB of bytes, more of float32
      const pixels = 512 ** 2;
      const [none, small, large] = [await sizeOf(0), await sizeOf(64 ** 2), await sizeOf(pixels)];
      assertEquals(small, none);
      const perBand = 11; // a band, nine places and the product; the places are joined, too
      assert(large >= none + 2 * perBand, `${large} nodes, where one band has ${none}`);
      const x = full(integers([2, channels, 5, 7], 0, 255));
      await asInFloat32((s, { x }) => conv2d(s, x!, { padding: 1, pixels }), x, weight, method, 1);
    });

    it(`a convolution over single pixels with ${name} is exact`, async () => {
      const weight = startingWith(first, integers([20, 64, 1, 1], least, most), every);
      const x = full(integers([1, 64, 3, 3], 0, 255));
      await asInFloat32((s, { x }) => conv2d(s, x!), x, weight, method, 8);
    });
  }

  it("rows whose width is no multiple of a block's are filled up", async () => {
    const method = { kind: "blocks", bits: 4, blockSize: 32 } as const;
    const weight = startingWith(-8, integers([24, 40], -8, 7), 40);
    (weight.data as Float32Array).forEach((_, i, all) => i % 40 === 32 && (all[i] = -8));
    const x = integers([3, 40], -20, 20);
    await asInFloat32((s, { x }) => linear(s, x!), x, weight, method, 1);
  });

  it("a convolution behind one is enlarged to the size of another", async () => {
    const method = { kind: "blocks", bits: 4, blockSize: 16 } as const;
    const weight = startingWith(-8, integers([16, 16, 1, 1], -8, 7), 16);
    const build: Build = (s, { x }) => {
      const small = add(s, conv2d(s, x!, { stride: 2 }), 1);
      return upsampleNearestLike(s, small, add(s, conv2d(s, x!), 1));
    };
    await asInFloat32(build, full(integers([1, 16, 4, 6], 0, 255)), weight, method, 1);
  });

  it("a pixel that is padded is zero, not the least of the input", async () => {
    const x = integers([1, 16, 4, 4], 100, 355);
    const weight = Tensor.full([16, 16, 3, 3], 1);
    const checkpoint = await quantizedCheckpoint({ weight }, int8);
    const build: Build = (s, { x }) => conv2d(s, x!, { padding: 1, bias: false });
    const [wanted, found] = [
      await runLayers(build, { x }, { weight }),
      await runLayers(build, { x }, checkpoint),
    ];
    // 355 / 255 a level: half a level for each of 144 products
    found.data.forEach((value, i) =>
      assertAlmostEquals(Number(value), Number(wanted.data[i]), 101)
    );
  });
});

describe("toInt8()", () => {
  it("rounds to the nearest of 255 levels of each row, ties to even", () => {
    const weight = Float32Array.of(127, 0.5, 1.5, -2.5, 1, -0.25, 0, 0.125);
    const { values, scales } = toInt8(weight, [2, 4], 127);
    assertEquals([...scales], [1, Math.fround(1 / 127)]);
    const rows = [[127, 0, 2, -2], [127, -32, 0, 16]];
    assertEquals(
      [...new Int8Array(values.buffer)],
      [0, 1, 2, 3].flatMap((i) => rows.map((r) => r[i])),
    );
  });

  it("has zeros for a row of zeros, and smaller values where asked", () => {
    assertEquals(toInt8(new Float32Array(3), [1, 3], 127).values, new Uint8Array(3));
    assertEquals([...toInt8(Float32Array.of(2, -1.9), [1, 2], 63).values], [63, 256 - 60]);
  });
});

describe("toBlocks()", () => {
  it("has at most half a step of error, at the far end of a block one", () => {
    const numbers = integers([4, 96], -1000, 1000).mul(0.001);
    for (const bits of [4, 8] as const) {
      const { values, scales } = toBlocks(numbers.data as Float32Array, [4, 96], bits, 32);
      const half = 2 ** (bits - 1);
      numbers.data.forEach((value, i) => {
        const byte = values[bits === 8 ? i : i >> 1]!;
        const level = bits === 8 ? byte : (byte >> (4 * (i & 1))) & 15;
        const scale = scales[Math.floor(i / 32)]!;
        const error = Math.abs((level - half) * scale - Number(value)) / Math.abs(scale);
        assert(error < (level === 2 * half - 1 ? 1.001 : 0.501), `${value}: ${error}`);
      });
    }
  });
});

describe("which layers", () => {
  it("keeps what comes first and last, embeddings and what is narrow", () => {
    const wide = storedTensor(Tensor.zeros([64, 64]));
    const layers: Record<string, boolean> = {
      "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": true,
      "down_blocks.0.attentions.0.proj_in": true,
      "encoder.down_blocks.0.resnets.0.conv1": true,
      "text_model.encoder.layers.0.mlp.fc1": true,
      conv_in: false,
      "decoder.conv_out": false,
      "time_embedding.linear_1": false,
      "down_blocks.0.resnets.0.time_emb_proj": false,
      proj_out: false,
      post_quant_conv: false,
      "controlnet_down_blocks.3": false,
    };
    for (const [name, is] of Object.entries(layers)) {
      assertEquals(isQuantized(name, wide, "int8"), is, name);
    }
    assertEquals(isQuantized("down_blocks.0.resnets.0.time_emb_proj", wide, "blocks"), true);
    assertEquals(isQuantized("a", storedTensor(Tensor.zeros([16, 512])), "int8"), false);
    assertEquals(isQuantized("a", storedTensor(Tensor.zeros([64, 32])), "int8"), false);
    assertEquals(isQuantized("a", storedTensor(Tensor.zeros([64, 16, 3, 3])), "int8"), true);
  });
});

describe("quantizedLayers()", () => {
  const named = (widths: Readonly<Record<string, number>>) =>
    Object.entries(widths).map(([name, width]) =>
      [`${name}.weight`, { ...storedTensor(Tensor.zeros([1])), dims: [width, 500] }] as const
    );
  const names = (layers: readonly (readonly [string, unknown])[]) => layers.map(([name]) => name);

  it("leaves layers that are small by themselves and beside the others in float32", () => {
    const layers = named({ small: 40, large: 50_000, middle: 199, enough: 200 });
    assertEquals(names(quantizedLayers(layers, "int8", false)), [
      "large.weight",
      "enough.weight",
    ]);
    assertEquals(names(quantizedLayers(layers, "blocks", false)), names(layers));
  });

  it("leaves convolutions of whole images out of blocks", () => {
    const stored = storedTensor(Tensor.zeros([1]));
    const layers = [[64, 64, 3, 3], [64, 64, 1, 1], [64, 64]].map((dims) =>
      [`${dims}.weight`, { ...stored, dims }] as const
    );
    assertEquals(names(quantizedLayers(layers, "blocks", true)), names(layers.slice(1)));
    assertEquals(names(quantizedLayers(layers, "blocks", false)), names(layers));
    assertEquals(names(quantizedLayers(layers, "int8", true)), names(layers));
  });

  it("takes the layers of a small model", () => {
    const layers = named({ one: 32, other: 64 });
    assertEquals(names(quantizedLayers(layers, "int8", false)), names(layers));
  });
});

describe("methodOfLayer()", () => {
  it("rounds what is not normalized in blocks", () => {
    const blocks: Method = { kind: "blocks", bits: 8, blockSize: 64, roundsInput: true };
    const block = "up_blocks.0.attentions.1.transformer_blocks.0";
    const uneven = ["up_blocks.0.resnets.1.conv_shortcut", `${block}.ff.net.2`];
    const single = "single_transformer_blocks.3";
    uneven.push(`${single}.proj_out`, `${single}.attn.to_out`, "layers.4.feed_forward.w2");
    for (const name of uneven) {
      assertEquals(methodOfLayer(name, int8), blocks);
      const asked = { kind: "blocks", bits: 4, blockSize: 32 } as const;
      assertEquals(methodOfLayer(name, asked), asked);
    }
    const even = [
      "up_blocks.0.resnets.1.conv1",
      `${block}.ff.net.0.proj`,
      `${block}.attn1.to_out.0`,
    ];
    for (const name of even) {
      assertEquals(methodOfLayer(name, int8), int8);
    }
  });
});

describe("quantized()", () => {
  it("rounds what is multiplied where products of bytes are exact alone", async () => {
    const weights = [["proj.weight", storedTensor(integers([64, 64], -8, 7))]] as const;
    const method = methodOf("M", "int4", false);
    for (const [greatest, rounds] of [[127, true], [63, false]] as const) {
      const weight = (await quantized(weights, method, greatest)).get("proj.weight")!;
      assertEquals(weight.kind === "blocks" && weight.roundsInput, rounds);
    }
  });
});

describe("methodOf()", () => {
  it("rounds no input of encoders", () => {
    const int4 = { kind: "blocks", bits: 4, blockSize: 64 } as const;
    assertEquals(methodOf("M", "int4", false), { ...int4, roundsInput: true });
    assertEquals(methodOf("M", "int4", true), { ...int4, roundsInput: false });
    assertEquals(methodOf("M", { bits: 4 }, false), int4);
  });

  it("gives encoders blocks of 8 bits for int8", () => {
    assertEquals(methodOf("M", "int8", false), int8);
    assertEquals(methodOf("M", "int8", true), { kind: "blocks", bits: 8, blockSize: 64 });
    assertEquals(methodOf("M", { bits: 4, blockSize: 32 }, true), {
      kind: "blocks",
      bits: 4,
      blockSize: 32,
    });
  });

  it("refuses what there is not, and says what there is", () => {
    for (
      const wrong of ["int2", "", 8, {}, { bits: 3 }, { bits: 4, blockSize: 20 }, {
        bits: 8,
        groups: 2,
      }, null]
    ) {
      assertThrows(
        () => methodOf("M", wrong as "int8", false),
        RangeError,
        `Cannot quantize M with ${
          JSON.stringify(wrong)
        }: quantization must be "int8", "int4" or { `,
      );
    }
  });
});

Deno.test("greatestInt8() is 127 here, or 63 where sums of products are cut off", async () => {
  const engine = inlineEngine();
  const most = await greatestInt8(engine);
  assert(most === 127 || most === 63);
  if (Deno.build.os === "linux" && Deno.build.arch === "x86_64") {
    const hasVnni = /avx512_vnni|avx_vnni/.test(await Deno.readTextFile("/proc/cpuinfo"));
    if (hasVnni) assertEquals(most, 127);
  }
  await engine.close();
});

interface Wide extends Model<{ width: number }> {
  forward(x: Tensor): Promise<Tensor>;
}

const Wide: OnnxModelClass<Wide> = defineModel({
  className: "Wide",
  schema: { width: number(64) },
  graphs: {
    forward: {
      inputs: ({ width }) => ({ x: float32("batch", width) }),
      build: (s, _config, { x }) => ({ y: linear(s.at("proj"), x!, { bias: false }) }),
    },
  },
  methods: (model) => ({ forward: async (x) => (await model.run("forward", { x })).y! }),
});

function wide(options: LoadOptions, weight = integers([64, 64], -127, 127)): Promise<Wide> {
  return Wide.fromTensors({ width: 64 }, [["proj.weight", storedTensor(weight)]], options);
}

describe("a model's quantization", () => {
  it("is made once and then taken from the cache", async () => {
    const folder = `${Deno.env.get("DENOISE_CACHE")}/quantized`;
    const files = async () =>
      (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    const weight = integers([64, 64], -100, 100).mul(0.01);
    const first = await wide({ quantization: "int8" }, weight);
    assertEquals(String(first), "Wide(4096 parameters, int8 on cpu)");
    const before = await files();
    const second = await wide({ quantization: "int8" }, weight);
    assertEquals(await files(), before);
    const x = integers([2, 64], -5, 5);
    assertEquals((await second.forward(x)).data, (await first.forward(x)).data);
    await wide({ quantization: "int4" }, weight);
    assertEquals((await files()).length, before.length + 1);
    assertEquals(before.every((name) => name.endsWith(".safetensors")), true);
    await Promise.all([first.dispose(), second.dispose()]);
  });

  it("builds no graph again", async () => {
    let built = 0;
    const Counted = defineModel<{ width: number }, Wide>({
      className: "Counted",
      schema: { width: number(64) },
      graphs: {
        forward: {
          inputs: ({ width }) => ({ x: float32("batch", width) }),
          build(s, _config, { x }) {
            built++;
            return { y: linear(s.at("proj"), x!, { bias: false }) };
          },
        },
      },
      methods: (model) => ({ forward: async (x) => (await model.run("forward", { x })).y! }),
    });
    const tensors = [["proj.weight", storedTensor(integers([64, 64], -99, 99))]] as const;
    const model = await Counted.fromTensors({ width: 64 }, tensors, { quantization: "int8" });
    assertEquals([built, model.numParameters], [1, 4096]);
    await model.forward(integers([2, 64], -5, 5)); // whose session has the graph of the quantized weights
    assertEquals(built, 2);
    await model.dispose();
  });

  it("leaves adapters in float32, DoRA included", async () => {
    const weight = startingWith(most, integers([64, 64], -most, most), 64);
    const [plain, model] = [await wide({}, weight), await wide({ quantization: "int8" }, weight)];
    const [down, up] = [integers([4, 64], -3, 3).mul(0.37), integers([64, 4], -3, 3).mul(0.11)];
    const magnitude = integers([64], 200, 900).mul(0.5);
    const x = Tensor.from(Float32Array.from({ length: 64 }, (_, i) => i === 0 ? 255 : i), [1, 64]);
    for (const layer of [{ down, up, scale: 1 }, { down, up, scale: 0.5, magnitude }]) {
      const adapter = { name: "a", weight: 1, layers: new Map([["proj", layer]]) };
      const results: Float32Array[] = [];
      for (const one of [plain, model]) {
        await (one as Wide & AdaptableModel<{ width: number }>).setAdapters([adapter]);
        results.push((await one.forward(x)).toFloat32Array());
      }
      // float32 sums in two orders
      results[0]!.forEach((value, i) =>
        assertAlmostEquals(results[1]![i]!, value, 1e-5 * Math.max(1, Math.abs(value)))
      );
    }
    await Promise.all([plain.dispose(), model.dispose()]);
  });

  it("is made again of weights that adapters are fused into", async () => {
    const weight = integers([64, 64], -100, 100).mul(0.01);
    const [down, up] = [integers([4, 64], -3, 3).mul(0.37), integers([64, 4], -3, 3).mul(0.11)];
    const rows = up.reshape([64, 4, 1]).mul(down.reshape([1, 4, 64])).sum(1);
    const model = await wide({ quantization: "int8" }, weight) as
      & Wide
      & AdaptableModel<{ width: number }>;
    const merged = await wide({ quantization: "int8" }, weight.add(rows.mul(0.5)));
    const layers = new Map([["proj", { down, up, scale: 1 }]]);
    const x = integers([2, 64], -5, 5);
    const before = await model.forward(x);
    await model.setAdapters([{ name: "a", weight: 1, layers, fused: 0.5 }]);
    const [found, wanted] = [await model.forward(x), await merged.forward(x)];
    // a value of 8 bits may fall to either side, by sums of another order: 1 of 127 of a row's largest weight
    wanted.toFloat32Array().forEach((value, i) =>
      assertAlmostEquals(found.toFloat32Array()[i]!, value, 0.3)
    );
    await model.setAdapters([]);
    assertEquals((await model.forward(x)).data, before.data);
    await Promise.all([model.dispose(), merged.dispose()]);
  });

  it("multiplies with what Python libraries have quantized as with the numbers themselves", async () => {
    const folder = new URL("../../../foundations/safetensors/testdata/", import.meta.url).pathname;
    const { tensors } = await openSafetensors(`${folder}quantized.safetensors`);
    const goldens = (await openSafetensors(`${folder}dequantized.safetensors`)).tensors;
    const stored = await withScales(tensors);
    for (const [name, weight] of stored) {
      const [out, width] = weight.dims as [number, number];
      const given = [["proj.weight", weight]] as const;
      const model = await Wide.fromTensors({ width }, given);
      const plain = await Wide.fromTensors({ width }, [["proj.weight", goldens.get(name)!]]);
      const x = integers([5, width], -9, 9).mul(0.37);
      const [found, wanted] = [await model.forward(x), await plain.forward(x)];
      assertEquals(found.dims, [5, out]);
      // float32 sums in two orders; the golden of bfloat16 is rounded to it
      const tolerance = name.includes("bfloat16") ? 0.3 : 1e-4;
      wanted.toFloat32Array().forEach((value, i) =>
        assertAlmostEquals(found.toFloat32Array()[i]!, value, tolerance, name)
      );
      await Promise.all([model.dispose(), plain.dispose()]);
    }
  });

  it("names the methods of other libraries that are not read, and what to do", async () => {
    const methods: [object, string][] = [
      [
        { quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "int3" },
        "are quantized by bitsandbytes (int3), which is not read; read are bitsandbytes (nf4, fp4, ",
      ],
      [
        { quant_method: "torchao", quant_type: { default: { _type: "Int4WeightOnlyConfig" } } },
        "are quantized by torchao (Int4WeightOnlyConfig), which is not read",
      ],
      [{ quant_method: "torchao", quant_type: "int4wo" }, "by torchao (int4wo), which"],
      [{ quant_method: "quanto", weights_dtype: "int4" }, "by quanto (int4), which"],
      [{ quant_method: "nunchaku" }, "by Nunchaku (SVDQuant), which"],
      [{ quant_method: "best" }, 'are quantized by the unknown method "best", which is not read'],
      [{}, "are quantized by the unknown method null, which"],
      [
        { quant_method: "compressed-tensors", format: "pack-quantized" },
        'are quantized by compressed-tensors (format "pack-quantized"), which',
      ],
    ];
    for (const [quantization_config, message] of methods) {
      const config = { width: 64, quantization_config } as JsonObject;
      const error = await assertRejects(() => Wide.fromTensors(config, []), DenoiseError, message);
      assertEquals(error.code, "unsupported_option");
      assert(error.message.includes('with { quantization: "int8" } or "int4", or a GGUF file'));
    }
  });

  it("refuses whole numbers without a scale by their type, quantized or not", async () => {
    const types = { int8: 1, uint8: 1, int16: 2, int32: 4, int64: 8, bool: 1 } as const;
    for (const [dtype, size] of Object.entries(types)) {
      const stored = {
        dtype: dtype as keyof typeof types,
        dims: [64, 64],
        data: new Uint8Array(64 * 64 * size),
      };
      for (const quantization of [undefined, "int8"] as const) {
        const error = await assertRejects(
          () => Wide.fromTensors({ width: 64 }, [["proj.weight", stored]], { quantization }),
          DenoiseError,
          `Cannot build proj: the checkpoint's tensor "proj.weight" holds ${dtype}, and no scale lies`,
        );
        assertEquals(error.code, "unsupported_option");
      }
    }
  });

  it("refuses weights that are not finite", async () => {
    for (const quantization of ["int8", "int4"] as const) {
      for (const wrong of [NaN, Infinity]) {
        const weight = startingWith(wrong, integers([64, 64], -1, 1), 4096);
        const error = await assertRejects(
          () => wide({ quantization }, weight),
          DenoiseError,
          'Cannot quantize "proj.weight": it has numbers that are not finite',
        );
        assertEquals(error.code, "invalid_safetensors");
      }
    }
  });

  it("refuses devices without such products", async () => {
    assertEquals(lowerings.cuda.quantized, ["blocks", "levels"]);
    const model = await wide({ quantization: "int8" });
    for (const device of ["cuda", "webgpu"] as const) {
      const error = await assertRejects(
        () => model.to(device),
        DenoiseError,
        `Cannot move Wide to "${device}": its weights are quantized (int8), and that device has`,
      );
      assertEquals(error.code, "unsupported_option");
    }
  });

  it("is refused where no layer is wide enough", async () => {
    const tensors = [["proj.weight", storedTensor(Tensor.zeros([4, 4]))]] as const;
    const error = await assertRejects(
      () => Wide.fromTensors({ width: 4 }, tensors, { quantization: "int8" }),
      DenoiseError,
      "Cannot quantize Wide: none of its layers is wide enough; load it without",
    );
    assertEquals(error.code, "unsupported_option");
  });

  it("says what to do where the cache cannot be written", async () => {
    const before = Deno.env.get("DENOISE_CACHE")!;
    const file = await Deno.makeTempFile();
    Deno.env.set("DENOISE_CACHE", file);
    try {
      const error = await assertRejects(() => wide({ quantization: "int8" }), DenoiseError);
      assertEquals(error.code, "unsupported_option");
      assert(error.message.includes("Name another folder in DENOISE_CACHE"), error.message);
    } finally {
      Deno.env.set("DENOISE_CACHE", before);
    }
  });
});
