import type { ComponentSpec, JsonObject, Scheduler } from "@denoise/core";
import type {
  Autoencoder,
  LanguageModel,
  VisionLanguageModel,
  VisionTokenizer,
} from "@denoise/roles";
import type { QwenImage21Denoiser } from "./transformer.ts";

/** What the Qwen-Image 2.1 pipelines consist of. */
export interface QwenImage21Components {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLQwenImage21. */
  readonly vae: Autoencoder;
  /** Qwen3VLForConditionalGeneration, which reads images too; null with embeddings of one's own. */
  readonly textEncoder: (LanguageModel & VisionLanguageModel) | null;
  /** Qwen3VLProcessor, which reads texts, has the chat template of its repo and prepares images. */
  readonly processor: VisionTokenizer | null;
  /** QwenImage21Transformer2DModel. */
  readonly transformer: QwenImage21Denoiser;
}

/** Components and settings that the definitions of these pipelines share: noise levels of a model's own. */
export const qwenImage21Components: {
  readonly components: { readonly [K in keyof QwenImage21Components]: ComponentSpec };
  readonly settings: JsonObject;
} = {
  components: {
    scheduler: { kind: "scheduler" },
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    processor: { kind: "tokenizer", optional: true },
    transformer: { kind: "model" },
  },
  settings: { sample_sigmas: null },
};
