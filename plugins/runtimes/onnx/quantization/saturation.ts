import { Tensor } from "@denoise/core";
import type { Engine } from "../engine/engine.ts";
import { Graph } from "../graph/mod.ts";

const known = new WeakMap<Engine, Promise<number>>();

/**
 * The greatest value that int8 weights may have where an engine computes: 127, or 63 on processors
 * that add products of bytes in 16 bits, where two of 255 · 127 would not fit (x86 before VNNI).
 */
export function greatestInt8(engine: Engine): Promise<number> {
  const most = known.get(engine) ?? tried(engine);
  known.set(engine, most);
  return most;
}

async function tried(engine: Engine): Promise<number> {
  const [rows, width] = [8, 64];
  const graph = new Graph();
  const x = graph.input("x", "uint8", [rows, width]);
  const data = new Uint8Array(width * width).fill(127);
  const weight = graph.weight("weight", { dtype: "int8", dims: [width, width], data });
  const product = graph.node("MatMulInteger", [x, weight], {}, { dtype: "int32" });
  graph.output("y", graph.cast(product, "float32"));
  const session = await engine.createSession({ ...graph.build("bytes"), name: "bytes" });
  const { y } = await session.run({ x: Tensor.full([rows, width], 255, "uint8") });
  await session.release();
  return y!.toFloat32Array().every((sum) => sum === width * 255 * 127) ? 127 : 63;
}
