/**
 * First Block Cache, after ParaAttention (github.com/chengzeyi/ParaAttention) and diffusers' `apply_first_block_cache`: the
 * first block runs at each step; where what it adds has hardly changed since the last whole step, what the others added
 * then is added again.
 *
 * @module
 */
import { Tensor } from "@denoise/core";
import type { Graph } from "../graph/mod.ts";
import { cannotCache, cutAt, minus, plus, resultsOf, type StepCache } from "./step_cache.ts";

/** Options of {@linkcode FirstBlockCacheConfig}. */
export interface FirstBlockCacheOptions {
  /** The relative change of the first block's residual up to which the others are skipped. Defaults to 0.05. */
  readonly threshold?: number | undefined;
}

/**
 * Skips all blocks but the first where that one's residual has hardly changed: `FirstBlockCacheConfig` of diffusers.
 *
 * @category Models
 *
 * @example
 * ```ts ignore
 * import { FirstBlockCacheConfig, FluxPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxPipeline.fromPretrained("black-forest-labs/FLUX.1-dev");
 * pipe.transformer.enableCache(new FirstBlockCacheConfig({ threshold: 0.1 }));
 * ```
 */
export class FirstBlockCacheConfig {
  /** The relative change of the first block's residual up to which the others are skipped. */
  readonly threshold: number;

  /**
   * A config with that threshold.
   *
   * @throws {RangeError} for a threshold that is not a number from 0.
   */
  constructor({ threshold = 0.05 }: FirstBlockCacheOptions = {}) {
    if (!(Number.isFinite(threshold) && threshold >= 0)) {
      throw new RangeError(`threshold must be a number from 0, but is ${threshold}`);
    }
    this.threshold = threshold;
  }
}

interface State {
  /** What the first block added at the last whole step. */
  head?: Float32Array;
  /** What the other blocks added then, to each value that goes through them. */
  tail?: readonly Float32Array[];
}

/** Names of what goes through the blocks, the samples first: into the first, out of it, out of the last. */
function ends(
  graph: Graph,
  name: string,
): [readonly string[], readonly string[], readonly string[]] {
  const { blocks } = graph;
  if (blocks.length < 3) {
    throw cannotCache(name, "FirstBlockCacheConfig", "its graph has no two blocks to cut between");
  }
  return [blocks[0]!.values, blocks[1]!.values, blocks.at(-1)!.values];
}

/** The cache of a config. */
export function firstBlockCache({ threshold }: FirstBlockCacheConfig): StepCache<State> {
  return {
    start: () => ({}),
    cut(graph, name) {
      const [before, first, last] = ends(graph, name);
      const cuts = [graph.blocks[1]!.at, graph.blocks.at(-1)!.at];
      const kept = [before[0]!, ...first, ...last];
      return {
        parts: cutAt(graph, name, cuts, kept),
        async run(call, state) {
          const numbers = (name: string) => call.values.get(name)!.toFloat32Array();
          await call.runPart(0);
          const residual = minus(numbers(first[0]!), numbers(before[0]!));
          if (state.head === undefined || change(residual, state.head) > threshold) {
            await call.runPart(1);
            state.head = residual;
            state.tail = last.map((name, i) => minus(numbers(name), numbers(first[i]!)));
          } else {
            for (const [i, name] of last.entries()) {
              const { dims } = call.values.get(first[i]!)!;
              const sum = plus(numbers(first[i]!), state.tail![i]!);
              call.values.set(name, new Tensor("float32", sum, dims));
            }
          }
          await call.runPart(2);
          return resultsOf(call);
        },
      };
    },
  };
}

/** Mean of the absolute differences, relative to that of the absolute values before. */
function change(now: Float32Array, before: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < now.length; i++) {
    difference += Math.abs(now[i]! - before[i]!);
    size += Math.abs(before[i]!);
  }
  return difference / size;
}
