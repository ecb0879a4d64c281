import { type GeneratorInput, type Model, randnTensor, Tensor } from "@denoise/core";

/** A Gaussian with diagonal covariance: what a variational encoder gives. */
export interface LatentDistribution {
  /** float32 [N, C, h, w]. */
  readonly mean: Tensor;
  /** float32 [N, C, h, w], clamped to -30..20. */
  readonly logvar: Tensor;
  /** One draw from it. */
  sample(generator?: GeneratorInput): Tensor;
  /** Its most likely value. */
  mode(): Tensor;
}

/** The latents that a denoiser works on, beside those that encoder and decoder know. */
export interface LatentSpace {
  /** Channels of a latent. */
  readonly channels: number;
  /** How many pixels wide and high one latent is. */
  readonly factor: number;
  /** Latents of the encoder as the denoiser knows them, of unit variance, float32 [N, channels, h, w]. */
  normalize(latents: Tensor): Tensor;
  /** The reverse: what the decoder is given. */
  denormalize(latents: Tensor): Tensor;
}

/** Whether an autoencoder computes a batch in slices and large images in tiles. */
export interface Partition {
  /**
   * Computes the samples of a batch one after the other, which needs less memory.
   *
   * @throws {DenoiseError} `unsupported_option` for a class that has no slices in diffusers.
   */
  enableSlicing(): void;
  /** Computes a batch at once again. */
  disableSlicing(): void;
  /**
   * Computes images that are larger than a tile in overlapping tiles, which bounds the memory; colours may
   * differ a little from tile to tile.
   *
   * @throws {DenoiseError} `unsupported_option` for a class that has no tiles in diffusers.
   */
  enableTiling(): void;
  /** Computes images as a whole again. */
  disableTiling(): void;
}

/** The role of an autoencoder between images and latents. */
export interface Autoencoder<C extends object = object> extends Model<C>, Partition {
  /** The latents of denoisers, where they follow otherwise from the config than AutoencoderKL's. */
  readonly latentSpace?: LatentSpace | undefined;
  /** Images, float32 [N, 3, H, W] in -1..1, to a distribution of latents. */
  encode(sample: Tensor): Promise<{ latentDist: LatentDistribution }>;
  /** Latents (already divided by the scaling factor) to images, float32 in about -1..1. */
  decode(latents: Tensor, options?: ImageDecodeOptions): Promise<{ sample: Tensor }>;
}

/** What a decoder is given beside latents. */
export interface ImageDecodeOptions {
  /** Where noise comes from, of decoders that draw any; theirs by default. */
  readonly generator?: GeneratorInput | undefined;
}

/**
 * Latents as a distribution of which every draw is the same: what an encoder gives that is not
 * variational.
 *
 * @param latents float32 [N, C, h, w].
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { certainLatents } from "@denoise/roles";
 * import { assertEquals } from "@std/assert";
 *
 * const latents = Tensor.ones([1, 4, 2, 2]);
 * assertEquals(certainLatents(latents).sample(), latents);
 * ```
 */
export function certainLatents(latents: Tensor): LatentDistribution {
  return {
    mean: latents,
    logvar: Tensor.full(latents.dims, -30),
    sample: () => latents,
    mode: () => latents,
  };
}

/**
 * The distribution that a variational encoder gives (`DiagonalGaussianDistribution`).
 *
 * @param moments Mean and log variance of each latent, float32 [N, 2C, h, w] one after the other.
 */
export function diagonalGaussian(moments: Tensor): LatentDistribution {
  const [mean, raw] = moments.chunk(2, 1) as [Tensor, Tensor];
  const logvar = raw.clamp(-30, 20);
  return {
    mean,
    logvar,
    mode: () => mean,
    sample(generator) {
      const std = logvar.mul(0.5).exp();
      return mean.add(std.mul(randnTensor(mean.dims, generator)));
    },
  };
}
