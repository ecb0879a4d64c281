import type { ComponentSpec, Scheduler } from "@denoise/core";
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

/** The components that the definition of the pipeline has. */
export const lumina2Components: {
  readonly components: { readonly [K in keyof Lumina2Components]: ComponentSpec };
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
  },
};
