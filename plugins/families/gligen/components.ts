import type { ComponentSpec, Model, Tensor } from "@denoise/core";
import type { AutoencoderConfig, ImageEncoder } from "@denoise/diffusion";
import type { Autoencoder, FeatureExtractor } from "@denoise/roles";
import { stableDiffusion, type StableDiffusionComponents } from "@denoise/stable-diffusion";

/** What GLIGEN consists of, whose UNet has gated attention. */
export interface GligenComponents
  extends Omit<StableDiffusionComponents, "imageEncoder" | "vae" | "unet"> {
  /** AutoencoderKL. */
  readonly vae: Autoencoder<
    AutoencoderConfig & { readonly sample_size: number | readonly number[] }
  >;
  /** UNet2DConditionModel with `attention_type` `"gated"` or `"gated-text-image"`. */
  readonly unet: StableDiffusionComponents["unet"];
}

const { imageEncoder: _, ...roles } = stableDiffusion.components;

/** The components that the definition of its pipeline has. */
export const gligenComponents: { readonly [K in keyof GligenComponents]: ComponentSpec } = roles;

/** The role of a model that brings vectors of images among those of texts. */
export interface ImageProjection extends Model<{ readonly hidden_size: number }> {
  /** Vectors, float32 [N, hidden_size], to as many others. */
  forward(embeds: Tensor): Promise<Tensor>;
}

/** The same whose objects are also shown by images. */
export interface GligenTextImageComponents extends GligenComponents {
  /** What prepares images for the image encoder: CLIPProcessor. */
  readonly processor: FeatureExtractor;
  /** CLIPVisionModelWithProjection. */
  readonly imageEncoder: ImageEncoder;
  /** CLIPImageProjection. */
  readonly imageProject: ImageProjection;
}

/** The components that the definition of its pipeline has. */
export const gligenTextImageComponents: {
  readonly [K in keyof GligenTextImageComponents]: ComponentSpec;
} = {
  ...gligenComponents,
  processor: { kind: "processor" },
  imageEncoder: { kind: "model" },
  imageProject: { kind: "model" },
};
