import { readFile } from "node:fs/promises";
import { runtime } from "@denoise/core";

/** What tells a codec of @jsquash where its WebAssembly is. */
interface Wasm {
  readonly wasmBinary?: Uint8Array;
}

/**
 * The WebAssembly of a codec of @jsquash by its place on npm. It is read for Node.js, whose fetch() reads
 * no files; elsewhere the codec fetches it.
 */
export async function wasmOf(path: string): Promise<Wasm> {
  if (runtime !== "node") return {};
  return { wasmBinary: await readFile(new URL(import.meta.resolve(path))) };
}

const ready = new Map<string, Promise<unknown>>();

/** Prepares a codec of @jsquash, once, where it cannot do so itself. */
export async function prepare(
  init: (options: Wasm) => Promise<unknown>,
  path: string,
): Promise<void> {
  if (runtime !== "node") return;
  const made = ready.get(path) ?? wasmOf(path).then(init);
  ready.set(path, made);
  await made;
}
