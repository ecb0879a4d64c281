import type { ComponentSpec, Scheduler } from "@denoise/core";
import type { Autoencoder, FeatureExtractor, TextEncoder, Tokenizer } from "@denoise/roles";
import type { ConditionedUNet } from "./unet.ts";
import type { AutoencoderConfig, DenoiserConfig, ImageEncoder } from "@denoise/diffusion";

/** What SDXL pipelines read of a UNet's config beside what all read. */
export interface XlDenoiserConfig extends DenoiserConfig, XlSizesConfig {}

/** What they read of its sizes. */
export interface XlSizesConfig {
  /** Width of the embedding of each size and crop. */
  readonly addition_time_embed_dim: number | null;
  /** Width of all of these and the pooled text together. */
  readonly projection_class_embeddings_input_dim: number | null;
}

/** The UNet as far as text alone says what it makes: it need not tell of masks. */
export type XlTextUNet = ConditionedUNet<Omit<XlDenoiserConfig, "in_channels">>;

/** What SDXL reads of its second text encoder's config. */
export interface ProjectionConfig {
  /** Width of the pooled text. */
  readonly projection_dim: number;
}

/** What the Stable Diffusion XL pipelines consist of. */
export interface StableDiffusionXLComponents {
  /** AutoencoderKL. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** CLIPTextModel; the refiner has none. */
  readonly textEncoder: TextEncoder | null;
  /** CLIPTextModelWithProjection. */
  readonly textEncoder2: TextEncoder<ProjectionConfig> | null;
  /** CLIPTokenizer; the refiner has none. */
  readonly tokenizer: Tokenizer | null;
  /** CLIPTokenizer of the second text encoder. */
  readonly tokenizer2: Tokenizer | null;
  /** UNet2DConditionModel. */
  readonly unet: ConditionedUNet<XlDenoiserConfig>;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
  /** Image encoder of an IP-Adapter. */
  readonly imageEncoder: ImageEncoder | null;
  /** What prepares images for it. */
  readonly featureExtractor: FeatureExtractor | null;
}

/** The components that the definitions of these pipelines share. */
export const stableDiffusionXL: {
  readonly components: { readonly [K in keyof StableDiffusionXLComponents]: ComponentSpec };
} = {
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model", optional: true },
    textEncoder2: { kind: "model", optional: true },
    tokenizer: { kind: "tokenizer", optional: true },
    tokenizer2: { kind: "tokenizer", optional: true },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
    imageEncoder: { kind: "model", optional: true },
    featureExtractor: { kind: "processor", optional: true },
  },
};
