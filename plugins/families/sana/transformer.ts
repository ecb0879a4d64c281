import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface SanaDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 where a token counts. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /** The guidance scale, where the model was distilled with it. */
  readonly guidance?: number | readonly number[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface SanaDenoiserConfig {
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** What the timestep is multiplied with. */
  readonly timestep_scale: number;
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
  /** What that is multiplied with. */
  readonly guidance_embeds_scale: number;
}

/** The role of a transformer that attends to a text, as SanaTransformer2DModel plays it. */
export type SanaDenoiser = Denoiser<SanaDenoiserConfig, SanaDenoiserOptions>;
