import { type ConfigSchema, either, float, number, numbers, oneOf } from "@denoise/core";
import { checkKnown, checkLevels } from "@denoise/onnx";
import { downBlockTypes, upBlockTypes } from "@denoise/onnx/blocks";

/** Options of a ConsistencyDecoderVAE, as they stand in config.json. */
export interface ConsistencyDecoderVAEConfig {
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** Channels of the latents: 4, whose means and deviations the decoder knows. */
  readonly latent_channels: number;
  /** Height and width it was trained for; tiles of the encoder have this size. */
  readonly sample_size: number | readonly number[];
  /** Channels of each level of the encoder; the reference takes these of the encoder, whatever is here. */
  readonly block_out_channels: readonly number[];
  /** Whether float16 overflows in it. */
  readonly force_upcast: boolean;
  /** Activation of the encoder, by its name in diffusers. */
  readonly encoder_act_fn: string;
  /** Channels of each level of the encoder, from the image's size down. */
  readonly encoder_block_out_channels: readonly number[];
  /** Always true: the encoder gives mean and variance. */
  readonly encoder_double_z: boolean;
  /** Block of each level of the encoder, by its class name. */
  readonly encoder_down_block_types: readonly string[];
  /** Channels of the image. */
  readonly encoder_in_channels: number;
  /** Residual blocks of a level of the encoder. */
  readonly encoder_layers_per_block: number;
  /** Groups of each normalization of the encoder. */
  readonly encoder_norm_num_groups: number;
  /** Channels of the latents. */
  readonly encoder_out_channels: number;
  /** Whether the middle of the decoder has attention. */
  readonly decoder_add_attention: boolean;
  /** Channels of each level of the decoder, from the image's size down. */
  readonly decoder_block_out_channels: readonly number[];
  /** Block of each level of the decoder in the down blocks, by its class name. */
  readonly decoder_down_block_types: readonly string[];
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly decoder_downsample_padding: number;
  /** Channels of the image and of the latents together. */
  readonly decoder_in_channels: number;
  /** Residual blocks of a level of the decoder in the down blocks; one more in the up blocks. */
  readonly decoder_layers_per_block: number;
  /** Added to the variance in each normalization of the decoder. */
  readonly decoder_norm_eps: number;
  /** Groups of each normalization of the decoder. */
  readonly decoder_norm_num_groups: number;
  /** Rows of a learned time embedding. */
  readonly decoder_num_train_timesteps: number;
  /** Channels of the decoder's prediction, of which the first three are the image. */
  readonly decoder_out_channels: number;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly decoder_resnet_time_scale_shift: "default" | "scale_shift";
  /** How the timestep becomes a vector. */
  readonly decoder_time_embedding_type: "learned" | "positional" | "fourier";
  /** Block of each level of the decoder in the up blocks, by its class name. */
  readonly decoder_up_block_types: readonly string[];
}

const levels = (type: string) => [type, type, type, type];

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ConsistencyDecoderVAEConfig> = {
  scaling_factor: float(0.18215),
  latent_channels: 4,
  sample_size: either(number, numbers)(32),
  block_out_channels: [128, 256, 512, 512],
  force_upcast: false,
  encoder_act_fn: "silu",
  encoder_block_out_channels: [128, 256, 512, 512],
  encoder_double_z: true,
  encoder_down_block_types: levels("DownEncoderBlock2D"),
  encoder_in_channels: 3,
  encoder_layers_per_block: 2,
  encoder_norm_num_groups: 32,
  encoder_out_channels: 4,
  decoder_add_attention: false,
  decoder_block_out_channels: [320, 640, 1024, 1024],
  decoder_down_block_types: levels("ResnetDownsampleBlock2D"),
  decoder_downsample_padding: 1,
  decoder_in_channels: 7,
  decoder_layers_per_block: 3,
  decoder_norm_eps: float(1e-5),
  decoder_norm_num_groups: 32,
  decoder_num_train_timesteps: 1024,
  decoder_out_channels: 6,
  decoder_resnet_time_scale_shift: oneOf("scale_shift", "default"),
  decoder_time_embedding_type: oneOf("learned", "positional", "fourier"),
  decoder_up_block_types: levels("ResnetUpsampleBlock2D"),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: ConsistencyDecoderVAEConfig): void {
  const name = "ConsistencyDecoderVAE";
  checkLevels(name, config, "encoder_block_out_channels", ["encoder_down_block_types"]);
  checkLevels(name, config, "decoder_block_out_channels", [
    "decoder_down_block_types",
    "decoder_up_block_types",
  ]);
  const plain = (types: readonly string[]) => types.filter((type) => !type.startsWith("Cross"));
  checkKnown(name, config, {
    latent_channels: [4],
    encoder_double_z: [true],
    encoder_down_block_types: ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
    decoder_down_block_types: plain(downBlockTypes),
    decoder_up_block_types: plain(upBlockTypes),
  });
}
