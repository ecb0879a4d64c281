import type { ComponentSpec, Scheduler } from "@denoise/core";
import { oneTextEncoder } from "@denoise/diffusion";
import type { Autoencoder, ChatTokenizer, LanguageModel } from "@denoise/roles";
import type { Flux2Denoiser } from "./transformer.ts";

/** What the FLUX.2 pipelines consist of. */
export interface Flux2Components {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLFlux2. */
  readonly vae: Autoencoder;
  /** Qwen3Model, of dev Mistral3ForConditionalGeneration; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer, of dev PixtralProcessor, with the chat template of its repo. */
  readonly tokenizer: ChatTokenizer | null;
  /** Flux2Transformer2DModel. */
  readonly transformer: Flux2Denoiser;
}

/** Components and settings that the definitions of these pipelines share. */
export const flux2Klein: {
  readonly components: { readonly [K in keyof Flux2Components]: ComponentSpec };
  readonly settings: { readonly is_distilled: boolean };
} = {
  ...oneTextEncoder,
  settings: { is_distilled: false },
};
