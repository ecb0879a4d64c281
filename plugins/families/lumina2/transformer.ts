import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface Lumina2DenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 where a token counts. */
  readonly encoderAttentionMask: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface Lumina2DenoiserConfig {
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
}

/** The role of a transformer on text and image, as Lumina2Transformer2DModel plays it. */
export type Lumina2Denoiser = Denoiser<Lumina2DenoiserConfig, Lumina2DenoiserOptions>;
