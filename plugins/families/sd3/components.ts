import type { ComponentSpec, JsonObject, Scheduler } from "@denoise/core";
import type { ImagePromptEncoders } from "@denoise/diffusion";
import type { Autoencoder, TextEncoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import type { Sd3Denoiser } from "./transformer.ts";

/** What the Stable Diffusion 3 pipelines consist of. */
export interface Sd3Components extends Required<ImagePromptEncoders> {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder;
  /** CLIPTextModelWithProjection (CLIP-L); null with embeddings of one's own. */
  readonly textEncoder: TextEncoder | null;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** CLIPTextModelWithProjection (CLIP-G); null with embeddings of one's own. */
  readonly textEncoder2: TextEncoder | null;
  /** CLIPTokenizer. */
  readonly tokenizer2: Tokenizer | null;
  /** T5EncoderModel; null leaves it out, zeros stand in for its states. */
  readonly textEncoder3: TokenEncoder | null;
  /** T5TokenizerFast. */
  readonly tokenizer3: Tokenizer | null;
  /** SD3Transformer2DModel. */
  readonly transformer: Sd3Denoiser;
}

/** The setting by which a call is guided only where it has a negative prompt. */
export const GUIDED_BY_NEGATIVE = "_guided_by_negative_prompt_alone";

/** What the blocks of diffusers that do the same have otherwise: more steps, and no guidance without a negative prompt. */
export const sd3Blocks: Readonly<Record<string, JsonObject>> = {
  StableDiffusion3ModularPipeline: {
    [GUIDED_BY_NEGATIVE]: true,
    _defaults: { num_inference_steps: 50 },
  },
};

/** The components that the definitions of these pipelines share. */
export const sd3Components: {
  readonly components: { readonly [K in keyof Sd3Components]: ComponentSpec };
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    textEncoder2: { kind: "model", optional: true },
    tokenizer2: { kind: "tokenizer", optional: true },
    textEncoder3: { kind: "model", optional: true },
    tokenizer3: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
    imageEncoder: { kind: "model", optional: true },
    featureExtractor: { kind: "processor", optional: true },
  },
};
