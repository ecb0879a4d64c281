import type { ComponentSpec, Scheduler } from "@denoise/core";
import type { Autoencoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import type { PixArtDenoiser } from "./transformer.ts";

/** What the PixArt pipelines consist of. */
export interface PixArtComponents {
  /** DPMSolverMultistepScheduler, or another one for the trained noise. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 4 channels. */
  readonly vae: Autoencoder;
  /** T5EncoderModel; null with embeddings of one's own. */
  readonly textEncoder: TokenEncoder | null;
  /** T5Tokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** PixArtTransformer2DModel. */
  readonly transformer: PixArtDenoiser;
}

/** The components that the definitions of these pipelines share. */
export const pixArtComponents: {
  readonly components: { readonly [K in keyof PixArtComponents]: ComponentSpec };
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
  },
};
