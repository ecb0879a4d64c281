import type { Scheduler } from "@denoise/core";
import type { Autoencoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import type { SanaDenoiser } from "./transformer.ts";

/** What the Sana pipelines consist of. */
export interface SanaComponents {
  /** DPMSolverMultistepScheduler of a flow; SCMScheduler for Sprint. */
  readonly scheduler: Scheduler;
  /** AutoencoderDC. */
  readonly vae: Autoencoder;
  /** Gemma2Model; null with embeddings of one's own. */
  readonly textEncoder: TokenEncoder | null;
  /** GemmaTokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** SanaTransformer2DModel. */
  readonly transformer: SanaDenoiser;
}
