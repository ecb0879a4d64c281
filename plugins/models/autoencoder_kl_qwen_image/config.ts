import { anything, type ConfigSchema, type FrozenConfig, numbers } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of an AutoencoderKLQwenImage, as they stand in config.json. */
export interface AutoencoderKLQwenImageConfig {
  /** Channels of the first level. */
  readonly base_dim: number;
  /** Channels of the latents. */
  readonly z_dim: number;
  /** How many times `base_dim` the channels of each level are, from the image's size down. */
  readonly dim_mult: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly num_res_blocks: number;
  /** Must be empty: the reference itself cannot run attention between the encoder's levels. */
  readonly attn_scales: readonly number[];
  /** Between which levels a video's frames are halved too, which does not concern a single frame. */
  readonly temperal_downsample: readonly boolean[];
  /** Channels of the image. */
  readonly input_channels: number;
  /** Mean of each channel of the latents. */
  readonly latents_mean: readonly number[];
  /** Standard deviation of each channel of the latents. */
  readonly latents_std: readonly number[];
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AutoencoderKLQwenImageConfig> = {
  base_dim: 96,
  z_dim: 16,
  dim_mult: numbers([1, 2, 4, 4]),
  num_res_blocks: 2,
  attn_scales: numbers([]),
  temperal_downsample: anything<readonly boolean[]>([false, true, true]),
  input_channels: 3,
  // deno-fmt-ignore
  latents_mean: numbers([
    -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
    0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921,
  ]),
  // deno-fmt-ignore
  latents_std: numbers([
    2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
    3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160,
  ]),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<AutoencoderKLQwenImageConfig>): void {
  const { dim_mult, temperal_downsample, z_dim, latents_mean, latents_std, attn_scales } = config;
  if (attn_scales.length > 0) {
    throw unsupportedOption("AutoencoderKLQwenImage", "attn_scales", attn_scales, [[]]);
  }
  if (temperal_downsample.length !== dim_mult.length - 1) {
    throw new RangeError(
      `Cannot build AutoencoderKLQwenImage: temperal_downsample has ${temperal_downsample.length} entries for ` +
        `${dim_mult.length} levels of dim_mult; there must be one between each two`,
    );
  }
  for (const [name, { length }] of Object.entries({ latents_mean, latents_std })) {
    if (length === z_dim) continue;
    throw new RangeError(
      `Cannot build AutoencoderKLQwenImage: ${name} has ${length} numbers for ${z_dim} channels of z_dim`,
    );
  }
}
