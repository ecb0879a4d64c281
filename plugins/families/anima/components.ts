import type { ComponentSpec, Model, Scheduler, Tensor } from "@denoise/core";
import { oneTextEncoder } from "@denoise/diffusion";
import type { Autoencoder, Denoiser, LanguageModel, Tokenizer } from "@denoise/roles";

/** What the transformer is called with beside latents and timestep. */
export interface AnimaDenoiserOptions {
  /** States of the text, float32 [N, tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface AnimaDenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
}

/** The role of what turns states of a language model into those of a text, as AnimaTextConditioner plays it. */
export interface AnimaConditioner extends Model<{ readonly source_dim: number }> {
  /**
   * States of texts, float32 [N, tokens, width].
   *
   * @param sourceHiddenStates float32 [N, source tokens, source_dim].
   * @param targetInputIds int64 [N, target tokens].
   * @param options Which tokens are no padding, int64 [N, tokens] each: 1, else 0.
   */
  forward(
    sourceHiddenStates: Tensor,
    targetInputIds: Tensor,
    options?: {
      readonly sourceAttentionMask?: Tensor | undefined;
      readonly targetAttentionMask?: Tensor | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Tensor>;
}

/** What the pipelines of Anima consist of. */
export interface AnimaComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLQwenImage. */
  readonly vae: Autoencoder;
  /** Qwen3Model; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** T5Tokenizer, for the same prompts. */
  readonly t5Tokenizer: Tokenizer | null;
  /** AnimaTextConditioner. */
  readonly textConditioner: AnimaConditioner | null;
  /** CosmosTransformer3DModel. */
  readonly transformer: Denoiser<AnimaDenoiserConfig, AnimaDenoiserOptions>;
}

/** Components that the definitions of these pipelines share. */
export const animaComponents: { readonly [K in keyof AnimaComponents]: ComponentSpec } = {
  ...oneTextEncoder.components,
  t5Tokenizer: { kind: "tokenizer", optional: true },
  textConditioner: { kind: "model", optional: true },
};
