import type { Tensor } from "@denoise/core";
import type { EngineSession, SessionRunOptions, Tensors } from "./engine/engine.ts";
import type { GraphPart, StartsPart } from "./graph/mod.ts";

/** The block that a node belongs to: up to the first number in its path, as `down_blocks.0`. */
function blockOf(node: string): string | undefined {
  return /^[^/]*?\.\d+(?=[./])/.exec(node)?.[0];
}

/** Cuts a graph before every so many blocks; what belongs to no block goes with the one before it. */
export function everyBlocks(count: number): StartsPart {
  let blocks = 0;
  let current: string | undefined;
  return (node, before) => {
    current ??= blockOf(before.name);
    const own = blockOf(node.name) ?? current;
    if (own === current) return false;
    const isFirst = current === undefined;
    current = own;
    if (!isFirst) blocks++;
    return !isFirst && blocks % count === 0;
  };
}

/** Makes sure that a number of blocks is one. */
export function checkGroup(className: string, numBlocksPerGroup: number): void {
  if (Number.isInteger(numBlocksPerGroup) && numBlocksPerGroup >= 1) return;
  throw new RangeError(
    `Cannot stream ${className}: numBlocksPerGroup must be an integer from 1, but is ` +
      numBlocksPerGroup,
  );
}

/** A graph in parts. */
export interface Streamed {
  /** What it computes, for messages. */
  readonly name: string;
  /** Its parts, in their order. */
  readonly parts: readonly GraphPart[];
  /** Names of what the whole gives. */
  readonly results: readonly string[];
  /** Makes the session of a part. */
  open(part: GraphPart): Promise<EngineSession>;
}

/**
 * A graph in parts as one session: a part's session is made when it is reached and released when it has
 * run, so that no more than one of them is in memory.
 */
export function streamedSession({ name, parts, results, open }: Streamed): EngineSession {
  let isReleased = false;
  return {
    async run(inputs: Tensors, { outputs = results, constants, signal }: SessionRunOptions = {}) {
      const values = new Map(Object.entries({ ...inputs, ...constants }));
      for (const [i, part] of parts.entries()) {
        if (isReleased) throw new TypeError(`Cannot run ${name}: it was released`);
        signal?.throwIfAborted();
        const session = await open(part);
        try {
          const made = await session.run(picked(values, part.inputs), { signal });
          for (const [key, value] of Object.entries(made)) values.set(key, value);
        } finally {
          await session.release();
        }
        const later = new Set([...outputs, ...parts.slice(i + 1).flatMap((next) => next.inputs)]);
        for (const key of [...values.keys()]) if (!later.has(key)) values.delete(key);
      }
      return picked(values, outputs);
    },
    release(): Promise<void> {
      isReleased = true;
      return Promise.resolve();
    },
  };
}

/** Those values that there are, by name. */
export function picked(values: ReadonlyMap<string, Tensor>, names: readonly string[]): Tensors {
  return Object.fromEntries(
    names.flatMap((name) => values.has(name) ? [[name, values.get(name)!]] : []),
  );
}
