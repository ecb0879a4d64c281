import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface QwenImage21DenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface QwenImage21DenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
}

/** The role of a transformer on latents as tokens, as QwenImage21Transformer2DModel plays it. */
export type QwenImage21Denoiser = Denoiser<QwenImage21DenoiserConfig, QwenImage21DenoiserOptions>;
