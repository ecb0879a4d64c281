import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  Checkpoint,
  type ComputeDType,
  Graph,
  lowerings,
  type Provider,
  Scope,
} from "../graph/mod.ts";
import { Generator, Tensor } from "@denoise/core";
import { inlineEngine } from "../engine/inline.ts";
import { sum } from "./arithmetic.ts";
import { groupNorm, rmsNorm, sumAndNorm } from "./norm.ts";

interface Built {
  /** The operators of com.microsoft and of the standard that normalize. */
  readonly operators: readonly string[];
  readonly channelsLast: boolean;
}

function scope(provider: Provider, dtype: ComputeDType, channels: number) {
  const graph = new Graph({ lowering: lowerings[provider], dtype });
  const data = new Uint8Array(4 * channels);
  const row = { dtype: "float32", dims: [channels], data } as const;
  const checkpoint = new Checkpoint(["weight", "bias", "shift"].map((name) => [name, row]));
  return { graph, s: new Scope(graph, checkpoint) };
}

function built(graph: Graph): Built {
  const { model, channelsLast } = graph.build("one");
  const text = new TextDecoder("latin1").decode(model);
  const known = ["SkipGroupNorm", "GroupNorm", "InstanceNormalization"]
    .concat("SkipLayerNormalization", "LayerNormalization");
  // names of nodes are those of their operators
  const operators = known.filter((type) =>
    new RegExp(`(?<![A-Za-z])${type}(?![A-Za-z])`).test(text)
  );
  return { operators, channelsLast };
}

function norm(channels: number, groups: number, provider: Provider, dtype: ComputeDType): Built {
  const { graph, s } = scope(provider, dtype, channels);
  const x = graph.input("x", dtype, ["batch", channels, "height", "width"]);
  graph.output("y", groupNorm(s, x, { groups, activation: "silu" }));
  return built(graph);
}

const FUSED: Built = { operators: ["GroupNorm"], channelsLast: true };
const PLAIN: Built = { operators: ["InstanceNormalization"], channelsLast: false };

describe("groupNorm() on a card in float16", () => {
  it("is one operator on channels last for Stable Diffusion's widths", () => {
    for (const channels of [128, 256, 320, 512, 640, 960, 1280, 1920, 2560]) {
      assertEquals(norm(channels, 32, "cuda", "float16"), FUSED, `${channels} channels`);
    }
  });

  it("is instance normalization for all others, for which the operator was wrong", () => {
    const others = [[8, 4], [16, 8], [32, 32], [64, 32], [96, 32], [320, 16], [2624, 32]] as const;
    for (const [channels, groups] of others) {
      assertEquals(norm(channels, groups, "cuda", "float16"), PLAIN, `${channels} in ${groups}`);
    }
  });

  it("is instance normalization in other types and on other devices", () => {
    assertEquals(norm(320, 32, "cuda", "float32"), PLAIN);
    for (const provider of ["webgpu", "tensorrt", "dml"] as const) {
      assertEquals(norm(320, 32, provider, "float16"), PLAIN, provider);
    }
  });
});

describe("groupNorm() of a sum on a card in float16", () => {
  it("makes the sum, for the widths of Stable Diffusion's UNets alone", () => {
    const makesSum = (channels: number) => {
      const { graph, s } = scope("cuda", "float16", channels);
      const dims = ["batch", channels, "height", "width"];
      const whole = sum(s, graph.input("a", "float16", dims), graph.input("b", "float16", dims));
      graph.output("y", groupNorm(s, whole, { groups: 32 }));
      graph.output("sum", whole);
      return built(graph).operators.includes("SkipGroupNorm");
    };
    assertEquals([320, 640, 1280, 512].map(makesSum), [true, true, true, false]);
  });
});

describe("groupNorm() on a card in bfloat16", () => {
  it("computes in float32 what that operator set has no kernel for", async () => {
    assertEquals(norm(320, 32, "cuda", "bfloat16").operators, []);
    const { graph, s } = scope("cuda", "bfloat16", 4);
    const x = graph.input("x", "float32", ["batch", 4, "height", "width"]);
    const normal = groupNorm(s, s.cast(x), { groups: 2, eps: 0.5, affine: false });
    graph.output("y", s.cast(normal, "float32"));
    const engine = inlineEngine();
    const session = await engine.createSession({ ...graph.build("norm"), name: "norm" });
    // each group is -1 and 1 around its mean, of variance 1; bfloat16 has 8 bits: 0.81640625 is near 1/sqrt(1.5)
    const { y } = await session.run({ x: Tensor.from([1, 3, 1, 3, 5, 7, 7, 5], [1, 4, 1, 2]) });
    const near = 0.81640625;
    assertEquals(Array.from(y!.data, Number), [-near, near, -near, near, -near, near, near, -near]);
    await session.release();
  });
});

describe("sumAndNorm()", () => {
  it("is one operator on a card in float16 for Stable Diffusion's widths alone", () => {
    const operators = (width: number, dtype: ComputeDType) => {
      const { graph, s } = scope("cuda", dtype, width);
      const terms = ["a", "b"].map((name) => graph.input(name, dtype, ["batch", "tokens", width]));
      const result = sumAndNorm(s, {
        terms: terms as [typeof terms[0], typeof terms[0]],
        bias: s.tensor("shift"),
      });
      graph.output("sum", result.sum);
      graph.output("normal", result.normal);
      return built(graph).operators;
    };
    for (const width of [320, 640, 1280]) {
      assertEquals(operators(width, "float16"), ["SkipLayerNormalization"]);
    }
    assertEquals(operators(16, "float16"), ["LayerNormalization"]);
    assertEquals(operators(320, "float32"), ["LayerNormalization"]);
  });
});

describe("rmsNorm() by 1 + weight in 16 bits", () => {
  it("adds in float32, as the reference does: 1 + 2⁻¹² is 1 in float16", async () => {
    const small = 2 ** -12;
    const width = 4096;
    const graph = new Graph({ lowering: lowerings.cpu, dtype: "float16" });
    const data = new Uint8Array(new Float32Array(width).fill(small).buffer);
    const s = new Scope(
      graph,
      new Checkpoint([["weight", { dtype: "float32", dims: [width], data }]]),
    );
    const x = graph.input("x", "float32", ["rows", width]);
    graph.output("y", s.cast(rmsNorm(s, s.cast(x, "float16"), { plusOne: true }), "float32"));
    const engine = inlineEngine();
    const session = await engine.createSession({ ...graph.build("one"), name: "one" });
    const given = Generator.manualSeed(0).randn([1, width]).astype("float16").astype("float32");
    const { y } = await session.run({ x: given });
    await engine.close();
    const rows = given.toFloat32Array();
    const root = Math.sqrt(rows.reduce((sum, one) => sum + one * one, 0) / width);
    // roundings of single numbers, up to 2⁻¹¹ of each, cancel in the mean of so many
    const ratios = y!.toFloat32Array().map((one, i) => one / (rows[i]! / root));
    const mean = ratios.reduce((sum, one) => sum + one, 0) / width;
    assert(Math.abs(mean - 1 - small) < small / 5, `a factor of ${mean}`);
  });
});
