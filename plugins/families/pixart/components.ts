import type { Scheduler } from "@denoise/core";
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
