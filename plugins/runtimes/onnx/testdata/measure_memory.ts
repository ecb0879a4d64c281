/**
 * Prints what a session of a row of square matrices does to this process's memory, as JSON: anonymous memory
 * and memory of mapped files, in bytes, before, after a run, and after dispose (Linux).
 *
 *     deno run -A measure_memory.ts FOLDER
 */
import { Tensor } from "@denoise/core";
import { inlineEngine } from "@denoise/onnx";
import { openSafetensors, withScales } from "@denoise/safetensors";
import { Checkpoint, Graph, Scope } from "@denoise/onnx/graph";
import { linear } from "@denoise/onnx/nn";

function memory(): { anon: number; file: number } {
  const status = Deno.readTextFileSync("/proc/self/status");
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]);
  return { anon: kilobytes("RssAnon") * 1024, file: kilobytes("RssFile") * 1024 };
}

async function graphOf(path: string) {
  const tensors = await withScales((await openSafetensors(path)).tensors);
  const graph = new Graph();
  const s = new Scope(graph, new Checkpoint(tensors));
  const width = s.shape("0.weight")[0]!;
  let y = graph.input("x", "float32", ["n", width]);
  for (let i = 0; i < tensors.size; i++) y = linear(s.at(i), y, { bias: false });
  graph.output("y", y);
  return { spec: { ...graph.build("row"), name: "row" }, width };
}

const engine = inlineEngine();
const neg = new Graph();
neg.output("y", neg.node("Neg", [neg.input("x", "float32", [1])]));
await (await engine.createSession({ ...neg.build("neg"), name: "neg" })).release();

const { spec, width } = await graphOf(`${Deno.args[0]}/model.safetensors`);
const before = memory();
const session = await engine.createSession(spec);
await session.run({ x: Tensor.ones([8, width]) });
const running = memory();
await session.release();
console.log(JSON.stringify({ before, running, released: memory() }));
