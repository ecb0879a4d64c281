import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface Flux3DenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, 4]: 0, row, column, 0. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 4]: 0, 0, 0, place. */
  readonly txtIds: Tensor;
  /** Reference images as tokens, float32 [N, tokens, channels]. */
  readonly imageCondHiddenStates?: Tensor | undefined;
  /** Coordinates of their tokens, float32 [tokens, 4]: 0, row, column, -1 - image. */
  readonly imageCondIds?: Tensor | undefined;
  /** The share of noise after the step, of distilled models. */
  readonly targetTimestep?: number | readonly number[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface Flux3DenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
}

/** The role of a transformer on latents as tokens, as Flux3Transformer2DModel plays it. */
export type Flux3Denoiser = Denoiser<Flux3DenoiserConfig, Flux3DenoiserOptions>;
