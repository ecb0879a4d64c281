import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface QwenImageDenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Frames, rows and columns of the tokens of each image: the one that is made, then reference images. */
  readonly imgShapes: readonly (readonly [frames: number, rows: number, columns: number])[];
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface QwenImageDenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
}

/** The role of a transformer on packed latents, as QwenImageTransformer2DModel plays it. */
export type QwenImageDenoiser = Denoiser<QwenImageDenoiserConfig, QwenImageDenoiserOptions>;
