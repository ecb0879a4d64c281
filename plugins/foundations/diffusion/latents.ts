import { type Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";

/** What pipelines read of a UNet's config. */
export interface DenoiserConfig {
  /** Channels of the latents, and of what is given beside them. */
  readonly in_channels: number;
  /** Size of the latents that it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Width of the guidance scale's embedding in latent consistency models. */
  readonly time_cond_proj_dim: number | null;
}

/** What pipelines read of an autoencoder's config. */
export interface AutoencoderConfig {
  /** One for each level: the image is halved between them. */
  readonly block_out_channels: readonly number[];
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** What latents are moved by before they are multiplied. */
  readonly shift_factor?: number | null;
  /** Mean of each channel of the latents, where they are normalised by it. */
  readonly latents_mean?: readonly number[] | null;
  /** Standard deviation of each channel of the latents. */
  readonly latents_std?: readonly number[] | null;
}

/** What pipelines that work on latents consist of, whatever the family. */
export interface LatentComponents {
  /** The autoencoder between images and latents. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** How many pixels wide and high one latent is. */
export function vaeScaleFactor(vae: Autoencoder<AutoencoderConfig>): number {
  return 2 ** (vae.config.block_out_channels.length - 1);
}

function latentStatistics(
  { config }: Autoencoder<AutoencoderConfig>,
): { readonly mean: Tensor; readonly std: Tensor } | undefined {
  const { latents_mean: mean, latents_std: std } = config;
  if (mean === undefined || mean === null || std === undefined || std === null) return undefined;
  const row = (values: readonly number[]) =>
    Tensor.from(Float32Array.from(values), [1, values.length, 1, 1]);
  return { mean: row(mean), std: row(std) };
}

/** Latents of the encoder as the denoiser knows them, of unit variance. */
export function scaleLatents(vae: Autoencoder<AutoencoderConfig>, latents: Tensor): Tensor {
  const { scaling_factor, shift_factor } = vae.config;
  const known = latentStatistics(vae);
  if (known === undefined) {
    return (shift_factor ? latents.sub(shift_factor) : latents).mul(scaling_factor);
  }
  return latents.sub(known.mean).mul(scaling_factor).div(known.std);
}

/** Latents to images in about -1..1. */
export async function decodeLatents(
  vae: Autoencoder<AutoencoderConfig>,
  latents: Tensor,
): Promise<Tensor> {
  const { scaling_factor, shift_factor } = vae.config;
  const known = latentStatistics(vae);
  const scaled = latents.div(scaling_factor);
  const own = known === undefined
    ? shift_factor ? scaled.add(shift_factor) : scaled
    : latents.mul(known.std).div(scaling_factor).add(known.mean);
  return (await vae.decode(own)).sample;
}

/** The size in pixels of images that may be latents. */
export function sizeInPixels(
  images: Tensor,
  vae: Autoencoder<AutoencoderConfig>,
): { readonly height: number; readonly width: number } {
  const factor = images.dims[1] === vae.config.latent_channels ? vaeScaleFactor(vae) : 1;
  return { height: images.dims[2]! * factor, width: images.dims[3]! * factor };
}
