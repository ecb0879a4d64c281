import type { Scheduler } from "@denoise/core";
import type { Autoencoder, LanguageModel, Tokenizer } from "@denoise/roles";
import type { Lumina2Denoiser } from "./transformer.ts";

/** What the Lumina 2 pipeline consists of. */
export interface Lumina2Components {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder;
  /** Gemma2Model; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** GemmaTokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** Lumina2Transformer2DModel. */
  readonly transformer: Lumina2Denoiser;
}
