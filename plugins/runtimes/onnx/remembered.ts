import { Tensor } from "@denoise/core";
import type { Tensors } from "./engine/engine.ts";

/** How many bytes of results a model remembers. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Results of graphs that take whole numbers alone, as text encoders take token ids: they depend on nothing
 * else, so that the same prompt needs no second run, nor the encoder's memory. The least recently used go.
 */
export class Remembered {
  readonly #results = new Map<string, Tensors>();
  #bytes = 0;

  /** What a run is remembered by; undefined where its inputs are not whole numbers. */
  static keyOf(
    graph: string,
    inputs: Tensors,
    outputs: readonly string[] | undefined,
  ): string | undefined {
    const entries = Object.entries(inputs);
    if (entries.length === 0 || entries.some(([_, { dtype }]) => /^float/.test(dtype))) return;
    const given = entries.map(([name, { dims, data }]) => [name, dims.join(), data.join()]);
    return JSON.stringify([graph, outputs, given.sort()]);
  }

  /** What that run gave, if it is known. */
  get(key: string): Tensors | undefined {
    const known = this.#results.get(key);
    if (known === undefined) return undefined;
    this.#results.delete(key);
    this.#results.set(key, known);
    return copied(known);
  }

  /** Remembers what a run gave. */
  set(key: string, results: Tensors): void {
    const bytes = bytesOf(results);
    if (bytes > MOST_BYTES || this.#results.has(key)) return;
    this.#results.set(key, copied(results));
    this.#bytes += bytes;
    for (const [oldest, known] of this.#results) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#results.delete(oldest);
      this.#bytes -= bytesOf(known);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#results.clear();
    this.#bytes = 0;
  }
}

function copied(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map((
      [name, { dtype, data, dims }],
    ) => [name, new Tensor(dtype, data.slice(), dims)]),
  );
}

function bytesOf(tensors: Tensors): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
}
