import type { Model, Tensor } from "@denoise/core";
import type { StepCached } from "@denoise/roles";

/** What ControlNets add after the blocks of a transformer. */
export interface FluxResiduals {
  /** After the first blocks, each float32 [N, tokens, width]. */
  readonly controlnetBlockSamples: readonly Tensor[];
  /** After the blocks that text and image share. */
  readonly controlnetSingleBlockSamples: readonly Tensor[];
  /** Whether the first ones are taken in turn, and not each for some blocks in a row. */
  readonly controlnetBlocksRepeat?: boolean | undefined;
}

/** What a transformer of the family is called with beside tokens and timestep. */
export interface FluxDenoiserOptions extends Partial<FluxResiduals> {
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
  /** The images of each IP-Adapter, float32 [N, images, width]. */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The widths that a transformer and its ControlNets share. */
export interface FluxWidths {
  /** Channels of a token. */
  readonly in_channels: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Width of the pooled text. */
  readonly pooled_projection_dim: number;
}

/** What pipelines read of its config. */
export interface FluxDenoiserConfig extends FluxWidths {
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
}

/** The role of a transformer on packed latents, as FluxTransformer2DModel plays it. */
export interface FluxDenoiser extends Model<FluxDenoiserConfig>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, C].
   *
   * @param tokens Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1: the share of noise.
   */
  forward(
    tokens: Tensor,
    timestep: number | readonly number[],
    options: FluxDenoiserOptions,
  ): Promise<{ sample: Tensor }>;
  /** What each IP-Adapter in use takes of an image: its vector. */
  imagePrompts?(): readonly "embeds"[];
}
