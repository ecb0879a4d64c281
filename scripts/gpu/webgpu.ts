/**
 * `webgpu.ts OUT`: the two operators that go wrong on a software driver of WebGPU, on this machine's card,
 * each against the CPU: attention by the fused operator, and convolutions of 9, 18 and 30 channels.
 *
 * @module
 */
import { type Device, Generator, randn, type Tensor } from "@denoise/core";
import { inlineEngine } from "@denoise/onnx";
import { Graph } from "@denoise/onnx/graph";
import { relativeDifference } from "../../tests/support/golden.ts";

type Inputs = Readonly<Record<string, Tensor>>;

const engine = inlineEngine();

async function run(graph: Graph, inputs: Inputs, device: Device): Promise<Tensor> {
  const session = await engine.createSession({ ...graph.build("y"), name: "one operator", device });
  const { y } = await session.run(inputs);
  await session.release();
  return y!;
}

async function distance(graph: () => Graph, inputs: Inputs): Promise<number> {
  const expected = await run(graph(), inputs, "cpu");
  return relativeDifference(await run(graph(), inputs, "webgpu"), expected);
}

/** Attention of 4 heads over as many queries as keys. */
async function attention(tokens: number): Promise<number> {
  const names = ["query", "key", "value"];
  const generator = new Generator(1);
  const inputs = Object.fromEntries(
    names.map((name) => [name, randn([1, tokens, 64], { generator })]),
  );
  return await distance(() => {
    const graph = new Graph();
    const values = names.map((name) => graph.input(name, "float32", [1, tokens, 64]));
    const options = { domain: "com.microsoft" };
    graph.output("y", graph.node("MultiHeadAttention", values, { num_heads: 4 }, options));
    return graph;
  }, inputs);
}

async function convolution(channels: number): Promise<number> {
  const generator = new Generator(1);
  const inputs = {
    x: randn([1, channels, 16, 16], { generator }),
    w: randn([8, channels, 3, 3], { generator }),
  };
  return await distance(() => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1, channels, 16, 16]);
    const w = graph.input("w", "float32", [8, channels, 3, 3]);
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
    graph.output("y", graph.node("Conv", [x, w], attributes));
    return graph;
  }, inputs);
}

if (import.meta.main) {
  const result: Record<string, number | string> = {};
  for (const tokens of [16, 40, 64, 77, 256]) {
    result[`attention, ${tokens} tokens`] = await attention(tokens);
  }
  for (const channels of [4, 8, 9, 18, 30, 32]) {
    result[`convolution 3x3, ${channels} channels`] = await convolution(channels);
  }
  await Deno.writeTextFile(Deno.args[0]!, JSON.stringify(result));
}
