import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface QwenImageDenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Frames, rows and columns of the tokens of each image: the one that is made, then reference images. */
  readonly imgShapes: readonly (readonly [frames: number, rows: number, columns: number])[];
  /** What ControlNets add after the blocks, each for some in a row, float32 [N, tokens, width]. */
  readonly controlnetBlockSamples?: readonly Tensor[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface QwenImageDenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
}

/** The role of a transformer on packed latents, as QwenImageTransformer2DModel plays it. */
export type QwenImageDenoiser = Denoiser<QwenImageDenoiserConfig, QwenImageDenoiserOptions>;
