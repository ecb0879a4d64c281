import type { Model, Tensor } from "@denoise/core";

/** The role of what conditions the transformer, as StableAudioProjectionModel plays it. */
export interface StableAudioProjection
  extends Model<{ readonly min_value: number; readonly max_value: number }> {
  /** States of texts, float32 [N, tokens, width], as the transformer takes them. */
  text(textHiddenStates: Tensor): Promise<Tensor>;
  /** Seconds at which audio clips start and end as tokens, float32 [N, 1, width] each. */
  seconds(
    start: readonly number[],
    end: readonly number[],
  ): Promise<{ readonly start: Tensor; readonly end: Tensor }>;
}

/** What pipelines read of the transformer's config. */
export interface StableAudioDenoiserConfig {
  /** How many latents it was trained for. */
  readonly sample_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
}

/** The role of the transformer, as StableAudioDiTModel plays it. */
export interface StableAudioDenoiser extends Model<StableAudioDenoiserConfig> {
  /** What it predicts for latents, float32 [N, channels, length]. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: {
      /** States of text and times, float32 [N, tokens, width]. */
      readonly encoderHiddenStates: Tensor;
      /** What stands before the latents, float32 [N, 1, 2·width]. */
      readonly globalHiddenStates: Tensor;
      /** Positions, float32 [length + 1, attention_head_dim / 4]. */
      readonly rotaryEmbedding?: { readonly cos: Tensor; readonly sin: Tensor } | undefined;
      /** Cancels the call. */
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<{ sample: Tensor }>;
}
