import type { Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder, ChatTokenizer, Denoiser, LanguageModel } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface ErnieImageDenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What the ERNIE-Image pipeline consists of. */
export interface ErnieImageComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLFlux2. */
  readonly vae: Autoencoder;
  /** Mistral3ForConditionalGeneration with a text part of Ministral 3; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** TokenizersBackend. */
  readonly tokenizer: ChatTokenizer | null;
  /** ErnieImageTransformer2DModel. */
  readonly transformer: Denoiser<object, ErnieImageDenoiserOptions>;
}
