import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface PixArtDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 where a token counts. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /** Height and width in pixels, float32 [N, 2], for models that are given them. */
  readonly resolution?: Tensor | undefined;
  /** Height / width, float32 [N, 1], for models that are given it. */
  readonly aspectRatio?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface PixArtDenoiserConfig {
  /** Channels of the result; null means as many as of the latents. */
  readonly out_channels: number | null;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
}

/** The role of a transformer that attends to a text, as PixArtTransformer2DModel plays it. */
export type PixArtDenoiser = Denoiser<PixArtDenoiserConfig, PixArtDenoiserOptions>;
