import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface Sd3DenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, width]. */
  readonly pooledProjections: Tensor;
  /** Blocks that are left out, counted from 0. */
  readonly skipLayers?: readonly number[] | undefined;
  /** What ControlNets add after the blocks, each for some in a row, float32 [N, tokens, width]. */
  readonly blockControlnetHiddenStates?: readonly Tensor[] | undefined;
  /** The states of the image that an IP-Adapter follows, float32 [N, patches, width]. */
  readonly imageEmbeds?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface Sd3DenoiserConfig {
  /** Channels of its input. */
  readonly in_channels: number;
  /** Latents of a side that are one token. */
  readonly patch_size: number;
  /** Height and width of the latents that it was trained for. */
  readonly sample_size: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
}

/** The role of a transformer on latents, as SD3Transformer2DModel plays it. */
export interface Sd3Denoiser extends Denoiser<Sd3DenoiserConfig, Sd3DenoiserOptions> {
  /** Latents [N, C, h, w] as tokens with their positions, float32 [N, tokens, width]. */
  embed(latents: Tensor): Promise<Tensor>;
  /** What the IP-Adapter takes of an image, where there is one: the states of its patches. */
  imagePrompts?(): readonly "states"[];
}
