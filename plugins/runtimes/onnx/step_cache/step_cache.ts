import { DenoiseError, type Tensor } from "@denoise/core";
import type { Tensors } from "../engine/engine.ts";
import type { Graph, GraphPart } from "../graph/mod.ts";

/** A call of a model that a step cache answers. */
export interface CachedCall {
  /** Inputs, and what parts have made. */
  readonly values: Map<string, Tensor>;
  /** Names of what the call gives. */
  readonly results: readonly string[];
  /** Runs a part of the graph on the values, and adds what it makes to them. */
  runPart(index: number): Promise<void>;
}

/** A graph in parts, and how a step is computed with them. */
export interface CutGraph<S> {
  /** Its parts. */
  readonly parts: readonly GraphPart[];
  /** Computes a step, or answers it with what is remembered. */
  run(call: CachedCall, state: S): Promise<Tensors>;
}

/** A way of using again at a denoising step what earlier ones computed. `S` is what it remembers of them. */
export interface StepCache<S = unknown> {
  /** Cuts a graph. */
  cut(graph: Graph, name: string): CutGraph<S>;
  /** What is remembered before the first step of a run. */
  start(): S;
}

/** The results of a call as they are among its values. */
export function resultsOf({ values, results }: CachedCall): Tensors {
  return Object.fromEntries(results.map((name) => [name, values.get(name)!]));
}

/**
 * A graph in the parts that begin at these places.
 *
 * @param places Places of nodes in the graph, the first of them first.
 * @param kept Names of values that their part gives, whether or not another one takes them.
 */
export function cutAt(
  graph: Graph,
  name: string,
  places: readonly number[],
  kept: readonly string[],
): GraphPart[] {
  const left = [...places];
  return graph.buildParts(name, (_node, _before, index) => {
    if (left.length === 0 || index < left[0]!) return false;
    left.shift();
    return true;
  }, { kept });
}

/** Differences of numbers at the same places. */
export function minus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]!);
}

/** Sums of numbers at the same places. */
export function plus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + b[i]!);
}

/** The error for a model that a cache has nothing to hold on to in. */
export function cannotCache(name: string, cache: string, why: string): DenoiseError {
  return new DenoiseError(
    "unsupported_option",
    `Cannot use ${cache} on ${name}: ${why}; transformers such as FluxTransformer2DModel can be cached`,
  );
}

/** The error for a model that is asked to cache its steps and to be streamed. */
export function cannotStream(name: string): DenoiseError {
  return new DenoiseError(
    "unsupported_option",
    `Cannot stream ${name} and cache its steps: both cut its graph; use enableGroupOffload() or enableCache()`,
  );
}

/** How many numbers of a text tell it from another one. */
const SAMPLES = 256;

/** What tells a branch of guidance from the others, by its text states; some make these again at each step. */
export function fingerprint(text: Tensor | undefined): string {
  if (text === undefined) return "";
  const { data, dims } = text;
  const stride = Math.max(1, Math.floor(data.length / SAMPLES));
  const samples = Array.from({ length: SAMPLES }, (_, i) => data[i * stride]);
  return `${dims} ${samples.join()}`;
}
