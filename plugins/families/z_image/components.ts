import type { JsonObject, Scheduler } from "@denoise/core";
import type { AutoencoderConfig } from "@denoise/diffusion";
import type { Autoencoder, ChatTokenizer, LanguageModel } from "@denoise/roles";
import type { ZImageDenoiser } from "./transformer.ts";

/** What the Z-Image pipelines consist of. */
export interface ZImageComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** Qwen3Model; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer, with the chat template of its repo. */
  readonly tokenizer: ChatTokenizer | null;
  /** ZImageTransformer2DModel. */
  readonly transformer: ZImageDenoiser;
}

/** What diffusers' blocks of Z-Image have otherwise: no guidance, and as many steps as Z-Image-Turbo takes. */
export const zImageBlocks: Readonly<Record<string, JsonObject>> = {
  ZImageModularPipeline: { _defaults: { num_inference_steps: 8, guidance_scale: 0 } },
};
