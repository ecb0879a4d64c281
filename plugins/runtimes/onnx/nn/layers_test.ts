import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import { Graph, type Lowering, lowerings, Scope, type Value } from "@denoise/onnx/graph";
import { checkpointOf, runLayers } from "@denoise/onnx/testing";
import { openSafetensors, readTensor } from "@denoise/safetensors";
import {
  activation,
  activationNames,
  attention,
  avgPool2d,
  causalBias,
  chunk,
  concat,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  embedding,
  firDownsample,
  firUpsample,
  fromTokens,
  groupNorm,
  layerNorm,
  linear,
  pad2d,
  rmsNorm,
  sinusoidalEmbedding,
  toTokens,
  upsampleBilinear,
  upsampleNearest,
  upsampleNearestLike,
} from "./mod.ts";

/** torch's own results, by scripts/reference/onnx_goldens.py. */
const goldens = await openSafetensors(
  new URL("../testdata/layers.safetensors", import.meta.url).pathname,
);

type Build = (s: Scope, inputs: Readonly<Record<string, Value>>) => Value;

async function group(prefix: string): Promise<Record<string, Tensor>> {
  const found: Record<string, Tensor> = {};
  for (const [name, stored] of goldens.tensors) {
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = await readTensor(stored);
  }
  return found;
}

/** Relative to the larger of 1 and the value: float32 sums in another order than torch's. */
const ROUNDING = 2e-5;

async function assertAsTorch(
  name: string,
  build: Build,
  { tolerance = ROUNDING, lowering }: { tolerance?: number; lowering?: Lowering } = {},
): Promise<void> {
  const result = await runLayers(build, await group(`${name}/in/`), await group(`${name}/w/`), {
    lowering,
  });
  const expected = (await group(`${name}/`))["out"]!;
  assertEquals(result.dims, expected.dims);
  expected.data.forEach((value, index) => {
    const [wanted, found] = [Number(value), Number(result.data[index])];
    assertAlmostEquals(found, wanted, tolerance * Math.max(1, Math.abs(wanted)));
  });
}

const cases: Record<string, Build> = {
  conv2d: (s, { x }) => conv2d(s, x!, { padding: 1 }),
  conv2d_stride: (s, { x }) => conv2d(s, x!, { stride: 2, padding: 1 }),
  conv2d_asymmetric: (s, { x }) => conv2d(s, x!, { stride: 2, padding: [0, 0, 1, 1] }),
  conv2d_groups: (s, { x }) => conv2d(s, x!, { padding: 2, dilation: 2, groups: 4, bias: false }),
  conv_transpose: (s, { x }) => convTranspose2d(s, x!, { stride: 2, padding: 1 }),
  conv1d: (s, { x }) => conv1d(s, x!, { padding: 2 }),
  conv1d_stride: (s, { x }) => conv1d(s, x!, { stride: 2, padding: 1, dilation: 2, groups: 2 }),
  conv_transpose_1d: (s, { x }) => convTranspose1d(s, x!, { stride: 2, padding: 1 }),
  linear: (s, { x }) => linear(s, x!),
  linear_no_bias: (s, { x }) => linear(s, x!, { bias: false }),
  group_norm: (s, { x }) => groupNorm(s, x!, { groups: 4, eps: 1e-6 }),
  group_norm_plain: (s, { x }) => groupNorm(s, x!, { groups: 2, affine: false }),
  group_norm_tokens: (s, { x }) => groupNorm(s, x!, { groups: 4, spatial: 1 }),
  layer_norm: (s, { x }) => layerNorm(s, x!),
  layer_norm_plain: (s, { x }) => layerNorm(s, x!, { eps: 1e-6, width: 6 }),
  rms_norm: (s, { x }) => rmsNorm(s, x!, { eps: 1e-6 }),
  attention: (s, { query, key, value }) => attend(s, { query, key, value }),
  attention_cross: (s, { query, key, value }) => attend(s, { query, key, value }),
  attention_scale: (s, inputs) => attend(s, inputs, 0.3),
  attention_causal: (s, inputs) => attend(s, inputs),
  attention_bias: (s, inputs) => attend(s, inputs),
  attention_wide_value: (s, inputs) => attend(s, inputs),
  sinusoidal_plain: (s, { x }) => sinusoidalEmbedding(s, x!, { width: 32 }),
  sinusoidal_flipped: (s, { x }) =>
    sinusoidalEmbedding(s, x!, { width: 320, flipSinToCos: true, downscaleFreqShift: 0 }),
  sinusoidal_odd: (s, { x }) =>
    sinusoidalEmbedding(s, x!, { width: 33, scale: 2.5, maxPeriod: 500 }),
  embedding: (s, { ids }) => embedding(s, ids!),
  upsample: (s, { x }) => upsampleNearest(s, x!),
  upsample_like: (s, { x, like }) => upsampleNearestLike(s, x!, like!),
  bilinear_false: (s, { x }) => upsampleBilinear(s, x!, { factor: 2 }),
  bilinear_true: (s, { x }) => upsampleBilinear(s, x!, { factor: 2, alignCorners: true }),
  avg_pool: (s, { x }) => avgPool2d(s, x!, 2),
  fir_down: (s, { x }) => firDownsample(s, x!, 8),
  fir_up: (s, { x }) => firUpsample(s, x!, 8),
  pad: (s, { x }) => pad2d(s, x!, [1, 2, 3, 4]),
};

function attend(s: Scope, inputs: Readonly<Record<string, Value | undefined>>, scale?: number) {
  const [query, key, value] = [inputs["query"]!, inputs["key"]!, inputs["value"]!];
  return attention(s, { query, key, value }, { heads: 2, scale, bias: inputs["bias"] });
}

/** sin of 1000 rad moves by 6e-5 when a float32 frequency moves by its last bit. */
const tolerances: Record<string, number> = { sinusoidal_odd: 3e-4, sinusoidal_flipped: 1e-4 };

describe("layers", () => {
  for (const [name, build] of Object.entries(cases)) {
    it(`${name} gives torch's numbers`, async () => {
      await assertAsTorch(name, build, { tolerance: tolerances[name] ?? ROUNDING });
    });
  }

  for (const [provider, lowering] of Object.entries(lowerings)) {
    it(`the operators for ${provider} give torch's numbers`, async () => {
      const layers = ["linear", "attention", "attention_bias", "attention_wide_value"];
      for (const name of layers) await assertAsTorch(name, cases[name]!, { lowering });
      for (const name of ["silu", "quick_gelu"]) {
        const build: Build = (s, { x }) => activation(s, x!, name);
        await assertAsTorch(`activation_${name}`, build, { lowering });
      }
    });
  }

  for (const [provider, lowering] of Object.entries(lowerings)) {
    it(`attention()'s keyBias is a bias of all queries alike, for ${provider}`, async () => {
      const { query, key, value } = await group("attention_bias/in/");
      const keys = key!.dims[1]!;
      const row = Float32Array.from({ length: keys }, (_, i) => i % 3 === 0 ? -10000 : i / 7);
      const keyBias = new Tensor("float32", row, [1, 1, 1, keys]);
      const bias = keyBias.repeat([1, 1, query!.dims[1]!, 1]);
      const run = (given: Record<string, Tensor>) =>
        runLayers(
          (s, { query, key, value, ...given }) =>
            attention(s, { query: query!, key: key!, value: value! }, { heads: 2, ...given }),
          {
            query: query!,
            key: key!,
            value: value!,
            ...given,
          },
          {},
          { lowering },
        );
      const [one, all, both] = [
        await run({ keyBias }),
        await run({ bias }),
        await run({ keyBias: keyBias.mul(0.5), bias: bias.mul(0.5) }),
      ];
      // the same sums; the halves of -10000 are rounded once more
      assertEquals(one, all);
      for (const [i, x] of both.data.entries()) {
        assertAlmostEquals(Number(x), Number(all.data[i]), ROUNDING);
      }
    });
  }

  it("causalBias() hides what comes after a token", async () => {
    await assertAsTorch("attention_causal", (s, { query, key, value }) => {
      const bias = causalBias(s, query!);
      return attention(s, { query: query!, key: key!, value: value! }, { heads: 2, bias });
    });
  });

  it("toTokens() and fromTokens() are each other's inverse", async () => {
    const { x } = await group("conv2d/in/");
    const back = await runLayers((s, { x }) => fromTokens(s, toTokens(s, x!), x!), { x: x! });
    assertEquals(back, x);
  });

  it("chunk() and concat() are each other's inverse", async () => {
    const { x } = await group("conv2d/in/");
    const build: Build = (s, { x }) => concat(s, chunk(s, x!, 4, 1), 1);
    assertEquals(await runLayers(build, { x: x! }), x);
  });
});

describe("activation()", () => {
  for (const name of activationNames) {
    const golden = { swish: "silu", gelu_pytorch_tanh: "gelu_new" }[name] ?? name;
    it(`${name} gives torch's numbers`, async () => {
      await assertAsTorch(`activation_${golden}`, (s, { x }) => activation(s, x!, name));
    });
  }

  it("refuses a name that it does not know", () => {
    const graph = new Graph();
    const s = new Scope(graph, checkpointOf({}), "mid_block");
    const x = graph.input("x", "float32", [1]);
    const error = assertThrows(
      () => activation(s, x, "snake"),
      DenoiseError,
      'Cannot build mid_block: there is no activation "snake"; known are swish, silu,',
    );
    assertEquals(error.code, "unsupported_option");
  });
});

describe("Scope.exact()", () => {
  it("takes weights as they are, in a graph that computes in float16", async () => {
    const fine = 1 + 2 ** -12; // float16 has 10 bits behind the point
    const build: Build = (s, { x }) => linear(s.exact(), s.exact().cast(x!), { bias: false });
    const inputs = { x: Tensor.from([[1]]) };
    const result = await runLayers(build, inputs, { weight: Tensor.from([[fine]]) }, {
      dtype: "float16",
    });
    assertEquals(result.toNested(), [[fine]]);
  });
});
