import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface ZImageDenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface ZImageDenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
}

/** The role of a transformer with a text of any length for each row, as ZImageTransformer2DModel plays it. */
export type ZImageDenoiser = Denoiser<ZImageDenoiserConfig, ZImageDenoiserOptions>;
