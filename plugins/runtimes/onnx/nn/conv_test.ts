import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { Generator, randn } from "@denoise/core";
import { storedTensor } from "@denoise/safetensors";
import { inlineEngine } from "../engine/inline.ts";
import { Checkpoint, Graph, lowerings, Scope } from "../graph/mod.ts";
import { conv2d, doubledConv2d } from "./conv.ts";

/** A convolution of 1280 channels with random weights, as a card gets it, on the CPU. */
async function convolved(pixels: number | undefined) {
  const generator = new Generator(1);
  const tensors = {
    weight: randn([4, 1280, 3, 3], { generator }),
    bias: randn([4], { generator }),
  };
  const checkpoint = new Checkpoint(
    Object.entries(tensors).map(([name, tensor]) => [name, storedTensor(tensor)]),
  );
  const graph = new Graph({ lowering: lowerings.cuda, dtype: "float16" });
  const s = new Scope(graph, checkpoint);
  const x = graph.input("x", "float32", ["batch", 1280, "height", "width"]);
  graph.output("y", s.cast(conv2d(s, s.cast(x), { padding: 1, pixels }), "float32"));
  const { model } = graph.build("convolution");
  const session = await inlineEngine().createSession({ model, name: "convolution" });
  const { y } = await session.run({ x: randn([2, 1280, 5, 4], { generator }) });
  await session.release();
  return { y: y!, isCut: new TextDecoder("latin1").decode(model).includes("Sum") };
}

describe("conv2d() on a card in float16", () => {
  it("adds up parts of many channels where an image has few pixels, to the same numbers", async () => {
    const whole = await convolved(undefined);
    const many = await convolved(65);
    const cut = await convolved(64);
    assertEquals([whole.isCut, many.isCut, cut.isCut], [false, false, true]);
    const most = Number(whole.y.abs().max().data[0]);
    const far = Number(whole.y.sub(cut.y).abs().max().data[0]);
    // eight sums are rounded to float16, which has 11 bits, instead of one
    assert(far > 0 && far / most < 8 * 2 ** -11, `${far} of ${most}`);
  });
});

describe("conv2d() on WebGPU", () => {
  const run = async (provider: "cpu" | "webgpu", channels: number, kernel: number) => {
    const generator = new Generator(1);
    const weight = storedTensor(randn([8, channels, kernel, kernel], { generator }));
    const bias = storedTensor(randn([8], { generator }));
    const graph = new Graph({ lowering: lowerings[provider] });
    const s = new Scope(graph, new Checkpoint([["weight", weight], ["bias", bias]]));
    const x = graph.input("x", "float32", ["batch", channels, "height", "width"]);
    graph.output("y", conv2d(s, x, { padding: kernel >> 1 }));
    const { model } = graph.build("convolution");
    const session = await inlineEngine().createSession({ model, name: "convolution" });
    const { y } = await session.run({ x: randn([2, channels, 5, 4], { generator }) });
    await session.release();
    return { y: y!, isPadded: new TextDecoder("latin1").decode(model).includes("Pad") };
  };

  it("has zeros beside channels that three divides and four does not, to the same numbers", async () => {
    for (
      const [channels, kernel, isPadded] of [[9, 3, true], [6, 3, true], [12, 3, false]] as const
    ) {
      const plain = await run("cpu", channels, kernel);
      const padded = await run("webgpu", channels, kernel);
      assertEquals([plain.isPadded, padded.isPadded], [false, isPadded], `${channels} channels`);
      const far = Number(plain.y.sub(padded.y).abs().max().data[0]);
      assert(far < 1e-4, `${channels} channels: ${far}`); // sums of 81 products in another order
    }
    for (const [channels, kernel] of [[3, 3], [9, 1], [8, 3]] as const) {
      assertEquals((await run("webgpu", channels, kernel)).isPadded, false, `${channels} channels`);
    }
  });
});

describe("doubledConv2d()", () => {
  const run = async (provider: "cpu" | "cuda", channels: number) => {
    const generator = new Generator(1);
    const weight = storedTensor(randn([3, channels, 3, 3], { generator }));
    const bias = storedTensor(randn([3], { generator }));
    const graph = new Graph({ lowering: lowerings[provider], dtype: "float16" });
    const s = new Scope(graph, new Checkpoint([["weight", weight], ["bias", bias]]));
    const x = graph.input("x", "float32", ["batch", channels, "height", "width"]);
    graph.output("y", s.cast(doubledConv2d(s, s.cast(x)), "float32"));
    const { model } = graph.build("doubled");
    const session = await inlineEngine().createSession({ model, name: "doubled" });
    const { y } = await session.run({ x: randn([2, channels, 5, 7], { generator }) });
    await session.release();
    const text = new TextDecoder("latin1").decode(model);
    return { y: y!, isOne: text.includes("ConvTranspose") };
  };

  it("is a transposed convolution on a card, for widths that were right there, of the same numbers", async () => {
    const plain = await run("cpu", 256);
    const card = await run("cuda", 256);
    assertEquals([plain.isOne, card.isOne], [false, true]);
    assertEquals([plain.y.dims, card.y.dims], [[2, 3, 10, 14], [2, 3, 10, 14]]);
    const most = Number(plain.y.abs().max().data[0]);
    const far = Number(plain.y.sub(card.y).abs().max().data[0]);
    // kernels and results are rounded to float16, which has 11 bits, once each
    assert(far > 0 && far / most < 4 * 2 ** -11, `${far} of ${most}`);
    assertEquals((await run("cuda", 32)).isOne, false);
  });
});
