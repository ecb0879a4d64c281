import type { Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder, ChatTokenizer, Denoiser, LanguageModel } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface OvisImageDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, 3]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 3]. */
  readonly txtIds: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What the Ovis-Image pipeline consists of. */
export interface OvisImageComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder;
  /** Qwen3Model; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer, with the chat template of its repo. */
  readonly tokenizer: ChatTokenizer | null;
  /** OvisImageTransformer2DModel. */
  readonly transformer: Denoiser<object, OvisImageDenoiserOptions>;
}
