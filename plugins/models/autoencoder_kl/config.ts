import { type ConfigSchema, either, float, maybe, number, numbers } from "@denoise/core";
import { checkImageCoder } from "@denoise/onnx/blocks";

/** Options of an AutoencoderKL, as they stand in config.json. */
export interface AutoencoderKLConfig {
  /** Channels of the image. */
  readonly in_channels: number;
  /** Channels of the decoded image. */
  readonly out_channels: number;
  /** Block of each level of the encoder, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block of each level of the decoder, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level, from the image's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly layers_per_block: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** Groups of each normalisation. */
  readonly norm_num_groups: number;
  /** Height and width it was trained for; tiles have this size. */
  readonly sample_size: number | readonly number[];
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** What is taken from latents before that. */
  readonly shift_factor: number | null;
  /** Mean of each channel of the latents. */
  readonly latents_mean: readonly number[] | null;
  /** Standard deviation of each channel of the latents. */
  readonly latents_std: readonly number[] | null;
  /** Whether float16 overflows in it. */
  readonly force_upcast: boolean;
  /** Whether a convolution follows the encoder. */
  readonly use_quant_conv: boolean;
  /** Whether a convolution precedes the decoder. */
  readonly use_post_quant_conv: boolean;
  /** Whether the middle has attention. */
  readonly mid_block_add_attention: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AutoencoderKLConfig> = {
  in_channels: 3,
  out_channels: 3,
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
  block_out_channels: [64],
  layers_per_block: 1,
  act_fn: "silu",
  latent_channels: 4,
  norm_num_groups: 32,
  sample_size: either(number, numbers)(32),
  scaling_factor: float(0.18215),
  shift_factor: maybe(number),
  latents_mean: maybe(numbers),
  latents_std: maybe(numbers),
  force_upcast: true,
  use_quant_conv: true,
  use_post_quant_conv: true,
  mid_block_add_attention: true,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: AutoencoderKLConfig): void {
  checkImageCoder("AutoencoderKL", config);
}
