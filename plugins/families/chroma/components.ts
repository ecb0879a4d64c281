import type { Model, Scheduler, Tensor } from "@denoise/core";
import type { AutoencoderConfig } from "@denoise/diffusion";
import type { Autoencoder, StepCached, TokenEncoder, Tokenizer } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface ChromaDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, 3]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 3]. */
  readonly txtIds: Tensor;
  /** 1 for each token that counts, else 0, the text's first, float32 [N, text tokens + tokens]. */
  readonly attentionMask?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The role of a transformer on packed latents, as ChromaTransformer2DModel plays it. */
export interface ChromaDenoiser extends Model, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, C].
   *
   * @param tokens Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1: the share of noise.
   */
  forward(
    tokens: Tensor,
    timestep: number | readonly number[],
    options: ChromaDenoiserOptions,
  ): Promise<{ sample: Tensor }>;
}

/** What the Chroma pipelines consist of. */
export interface ChromaComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** T5EncoderModel; null with embeddings of one's own. */
  readonly textEncoder: TokenEncoder | null;
  /** T5TokenizerFast. */
  readonly tokenizer: Tokenizer | null;
  /** ChromaTransformer2DModel. */
  readonly transformer: ChromaDenoiser;
}
