import type { ComponentSpec, JsonObject, Scheduler } from "@denoise/core";
import type { AutoencoderConfig, ImagePromptEncoders } from "@denoise/diffusion";
import type { Autoencoder, TextEncoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import type { FluxDenoiser } from "./transformer.ts";

/** What the FLUX.1 pipelines consist of. */
export interface FluxComponents extends ImagePromptEncoders {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** CLIPTextModel, whose pooled state is used; null with embeddings of one's own. */
  readonly textEncoder: TextEncoder | null;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** T5EncoderModel; null with embeddings of one's own. */
  readonly textEncoder2: TokenEncoder | null;
  /** T5TokenizerFast. */
  readonly tokenizer2: Tokenizer | null;
  /** FluxTransformer2DModel. */
  readonly transformer: FluxDenoiser;
}

/** What the blocks of diffusers that do the same have otherwise. */
export const fluxBlockValues: Readonly<Record<string, JsonObject>> = {
  FluxModularPipeline: { _defaults: { num_inference_steps: 50, guidance_scale: 3.5 } },
  FluxKontextModularPipeline: { _defaults: { num_inference_steps: 50 } },
};

/** The components that the definitions of these pipelines share. */
export const fluxComponents: {
  readonly components: { readonly [K in keyof FluxComponents]: ComponentSpec };
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    textEncoder2: { kind: "model", optional: true },
    tokenizer2: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
  },
};
