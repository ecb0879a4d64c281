import type { Scope, Value } from "../graph/mod.ts";
import { activation, add, concat, linear, mul, sinusoidalEmbedding, unsqueeze } from "../nn/mod.ts";

/** Options of {@linkcode timestepWaves}. */
export interface TimestepWavesOptions {
  /** How many sines and cosines. Defaults to 256. */
  readonly width?: number | undefined;
  /** What the angles are multiplied with. Defaults to 1. */
  readonly scale?: number | undefined;
}

/**
 * Cosines, then sines, of a timestep or another number, as transformers are given them (`Timesteps`).
 *
 * @param x float32 [N].
 */
export function timestepWaves(
  s: Scope,
  x: Value,
  { width = 256, scale = 1 }: TimestepWavesOptions = {},
): Value {
  const order = { flipSinToCos: true, downscaleFreqShift: 0 } as const;
  return sinusoidalEmbedding(s, x, { width, scale, ...order });
}

/** Options of {@linkcode timestepEmbedding}. */
export interface TimestepEmbeddingOptions {
  /** Activation between the layers. Defaults to `"silu"`. */
  readonly activation?: string | undefined;
  /** Activation of the result. None by default. */
  readonly postActivation?: string | null | undefined;
  /** Another embedding that is projected and added to the input, [N, K]. */
  readonly condition?: Value | undefined;
  /** Whether the linear layers have biases. Defaults to true. */
  readonly bias?: boolean | undefined;
}

/** Two linear layers that make an embedding of what tells a model the time (`TimestepEmbedding`). */
export function timestepEmbedding(
  s: Scope,
  x: Value,
  options: TimestepEmbeddingOptions = {},
): Value {
  const { activation: name = "silu", postActivation, condition, bias } = options;
  const input = condition === undefined
    ? x
    : add(s, x, linear(s.at("cond_proj"), condition, { bias: false }));
  const hidden = activation(s, linear(s.at("linear_1"), input, { bias }), name);
  const embedded = linear(s.at("linear_2"), hidden, { bias }); // [N, E]
  return postActivation ? activation(s, embedded, postActivation) : embedded;
}

/**
 * Sines and cosines of learned frequencies (`GaussianFourierProjection`), with angles in float32
 * whatever type the graph computes in.
 *
 * @param x float32 [N].
 * @param options.log Whether the logarithm is taken first.
 * @param options.flipSinToCos Whether cosines come first.
 */
export function fourierEmbedding(
  s: Scope,
  x: Value,
  options: { readonly log: boolean; readonly flipSinToCos: boolean },
): Value {
  const noise = unsqueeze(s, options.log ? s.op("Log", [x]) : x, [1]); // [N, 1]
  const frequencies = s.cast(s.tensor("weight"), "float32");
  const angles = mul(s, mul(s, mul(s, noise, frequencies), 2), Math.PI); // [N, E / 2]
  const waves = [s.op("Sin", [angles]), s.op("Cos", [angles])];
  return s.cast(concat(s, options.flipSinToCos ? waves.reverse() : waves, 1));
}

/**
 * Timestep, pooled text and guidance scale as one vector, [N, C]
 * (`CombinedTimestepTextProjEmbeddings`, `CombinedTimestepGuidanceTextProjEmbeddings`).
 *
 * @param timestep float32 [N], 0..1000.
 * @param pooled [N, D].
 * @param guidance float32 [N], 1000 times the scale.
 */
export function timeTextEmbedding(
  s: Scope,
  timestep: Value,
  pooled: Value,
  guidance?: Value,
): Value {
  const time = timestepEmbedding(s.at("timestep_embedder"), timestepWaves(s, timestep));
  const guided = guidance === undefined
    ? time
    : add(s, time, timestepEmbedding(s.at("guidance_embedder"), timestepWaves(s, guidance)));
  return add(s, guided, timestepEmbedding(s.at("text_embedder"), pooled));
}
