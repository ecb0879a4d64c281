import type { JsonObject, Scheduler } from "@denoise/core";
import type { Autoencoder, LanguageModel, Tokenizer } from "@denoise/roles";
import type { QwenImageDenoiser } from "./transformer.ts";

/** What the Qwen-Image pipelines consist of. */
export interface QwenImageComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLQwenImage. */
  readonly vae: Autoencoder;
  /** Qwen2_5_VLForConditionalGeneration; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** QwenImageTransformer2DModel. */
  readonly transformer: QwenImageDenoiser;
}

/** What diffusers' blocks of Qwen-Image have otherwise: an empty negative prompt, so that there is guidance. */
export const qwenImageBlocks: Readonly<Record<string, JsonObject>> = {
  QwenImageModularPipeline: { _defaults: { negative_prompt: "" } },
};
