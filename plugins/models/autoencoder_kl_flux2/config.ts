import { type ConfigSchema, either, float, maybe, number, numbers } from "@denoise/core";
import { checkLevels, unsupportedOption } from "@denoise/onnx";
import { checkImageCoder } from "@denoise/onnx/blocks";

/** Options of an AutoencoderKLFlux2, as they stand in config.json. */
export interface AutoencoderKLFlux2Config {
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
  /** Channels of each level of the decoder, where it is narrower than the encoder. */
  readonly decoder_block_out_channels: readonly number[] | null;
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly layers_per_block: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Channels of what encoder and decoder know; denoisers know those of 2x2 of them together. */
  readonly latent_channels: number;
  /** Groups of each normalization. */
  readonly norm_num_groups: number;
  /** Height and width of a tile. */
  readonly sample_size: number | readonly number[];
  /** Whether a convolution follows the encoder. */
  readonly use_quant_conv: boolean;
  /** Whether a convolution precedes the decoder. */
  readonly use_post_quant_conv: boolean;
  /** Whether the middle has attention. */
  readonly mid_block_add_attention: boolean;
  /** Added to the variance by which latents are normalized. */
  readonly batch_norm_eps: number;
  /** Must be `[2, 2]`: that many rows and columns of latents are one of the denoiser's. */
  readonly patch_size: readonly number[];
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AutoencoderKLFlux2Config> = {
  in_channels: 3,
  out_channels: 3,
  down_block_types: Array(4).fill("DownEncoderBlock2D"),
  up_block_types: Array(4).fill("UpDecoderBlock2D"),
  block_out_channels: [128, 256, 512, 512],
  decoder_block_out_channels: maybe(numbers),
  layers_per_block: 2,
  act_fn: "silu",
  latent_channels: 32,
  norm_num_groups: 32,
  sample_size: either(number, numbers)(1024),
  use_quant_conv: true,
  use_post_quant_conv: true,
  mid_block_add_attention: true,
  batch_norm_eps: float(1e-4),
  patch_size: [2, 2],
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: AutoencoderKLFlux2Config): void {
  checkImageCoder("AutoencoderKLFlux2", config);
  const { patch_size: size } = config;
  if (String(size) !== "2,2") {
    throw unsupportedOption("AutoencoderKLFlux2", "patch_size", size, [[2, 2]]);
  }
  checkLevels("AutoencoderKLFlux2", config, "block_out_channels", ["decoder_block_out_channels"]);
}
