import type { ComponentSpec, Scheduler } from "@denoise/core";
import { oneTextEncoder } from "@denoise/diffusion";
import type { Autoencoder, ChatTokenizer, LanguageModel } from "@denoise/roles";
import type { Flux3Denoiser } from "./transformer.ts";

/** What the FLUX.3 pipelines consist of. */
export interface Flux3Components {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLFlux2. */
  readonly vae: Autoencoder;
  /** Qwen3VLForConditionalGeneration; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** The tokenizer of a Qwen3VLProcessor, with the chat template of its repo. */
  readonly tokenizer: ChatTokenizer | null;
  /** Flux3Transformer2DModel. */
  readonly transformer: Flux3Denoiser;
}

/** Components that the definitions of these pipelines share; repos need not name the scheduler. */
export const flux3Components: { readonly [K in keyof Flux3Components]: ComponentSpec } = {
  ...oneTextEncoder.components,
  tokenizer: { ...oneTextEncoder.components.tokenizer, usual: { className: "Qwen3VLProcessor" } },
  scheduler: {
    kind: "scheduler",
    usual: { className: "FlowMatchEulerDiscreteScheduler", config: { shift: 6.93 } },
  },
};
