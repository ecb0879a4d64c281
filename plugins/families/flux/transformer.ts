import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface FluxDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, width]. */
  readonly pooledProjections: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, 3]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 3]. */
  readonly txtIds: Tensor;
  /** The guidance scale, where the model was distilled with it. */
  readonly guidance?: number | readonly number[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface FluxDenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
}

/** The role of a transformer on packed latents, as FluxTransformer2DModel plays it. */
export type FluxDenoiser = Denoiser<FluxDenoiserConfig, FluxDenoiserOptions>;
