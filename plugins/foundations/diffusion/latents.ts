import { type Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder, ImageDecodeOptions, LatentSpace } from "@denoise/roles";

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
  readonly vae: Autoencoder;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/**
 * The latents that an autoencoder and a denoiser have in common: the autoencoder's own, or what its config says
 * by the options of AutoencoderKL.
 *
 * @throws {TypeError} for an autoencoder that tells neither.
 */
export function latentSpace(vae: Autoencoder): LatentSpace {
  if (vae.latentSpace !== undefined) return vae.latentSpace;
  const { config } = vae;
  if (!isAutoencoderConfig(config)) {
    throw new TypeError(
      `Cannot tell the latents of ${vae.className}: it has no latentSpace, and its config no ` +
        "latent_channels and block_out_channels",
    );
  }
  const { scaling_factor, shift_factor } = config;
  const known = latentStatistics(config);
  return {
    channels: config.latent_channels,
    factor: 2 ** (config.block_out_channels.length - 1),
    normalize(latents) {
      if (known !== undefined) return latents.sub(known.mean).mul(scaling_factor).div(known.std);
      return (shift_factor ? latents.sub(shift_factor) : latents).mul(scaling_factor);
    },
    denormalize(latents) {
      if (known !== undefined) {
        return latents.mul(known.std).div(scaling_factor).add(known.mean);
      }
      const scaled = latents.div(scaling_factor);
      return shift_factor ? scaled.add(shift_factor) : scaled;
    },
  };
}

function isAutoencoderConfig(config: object): config is AutoencoderConfig {
  return "latent_channels" in config && "block_out_channels" in config;
}

function latentStatistics(
  { latents_mean: mean, latents_std: std }: AutoencoderConfig,
): { readonly mean: Tensor; readonly std: Tensor } | undefined {
  if (mean === undefined || mean === null || std === undefined || std === null) return undefined;
  const row = (values: readonly number[]) =>
    Tensor.from(Float32Array.from(values), [1, values.length, 1, 1]);
  return { mean: row(mean), std: row(std) };
}

/** How many pixels wide and high one latent is. */
export function vaeScaleFactor(vae: Autoencoder): number {
  return latentSpace(vae).factor;
}

/** The shape of the latents of so many images of a size in pixels, [N, C, h, w]. */
export function latentDims(
  vae: Autoencoder,
  count: number,
  { height, width }: { readonly height: number; readonly width: number },
): readonly [count: number, channels: number, height: number, width: number] {
  const { channels, factor } = latentSpace(vae);
  return [count, channels, height / factor, width / factor];
}

/**
 * Latents to images in about -1..1.
 *
 * @param options Where the noise comes from, of decoders that draw any.
 */
export async function decodeLatents(
  vae: Autoencoder,
  latents: Tensor,
  options?: ImageDecodeOptions,
): Promise<Tensor> {
  return (await vae.decode(latentSpace(vae).denormalize(latents), options)).sample;
}

/** The size in pixels of images that may be latents. */
export function sizeInPixels(
  images: Tensor,
  vae: Autoencoder,
): { readonly height: number; readonly width: number } {
  const space = latentSpace(vae);
  const factor = images.dims[1] === space.channels ? space.factor : 1;
  return { height: images.dims[2]! * factor, width: images.dims[3]! * factor };
}
