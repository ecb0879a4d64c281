import { anything, type ConfigSchema, float, type FrozenConfig, oneOf } from "@denoise/core";
import { checkKnown, checkLevels } from "@denoise/onnx";
import { activationNames } from "@denoise/onnx/nn";

/** What a level is made of. */
export type BlockType = "ResBlock" | "EfficientViTBlock";

/** Options of an AutoencoderDC, as they stand in config.json. */
export interface AutoencoderDCConfig {
  /** Channels of the image. */
  readonly in_channels: number;
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** Width of a head of attention. */
  readonly attention_head_dim: number;
  /** What the levels of the encoder are made of, all of them or each. */
  readonly encoder_block_types: BlockType | readonly BlockType[];
  /** What the levels of the decoder are made of, all of them or each. */
  readonly decoder_block_types: BlockType | readonly BlockType[];
  /** Channels of each level of the encoder; between them the image is halved. */
  readonly encoder_block_out_channels: readonly number[];
  /** Channels of each level of the decoder. */
  readonly decoder_block_out_channels: readonly number[];
  /** Blocks of each level of the encoder. */
  readonly encoder_layers_per_block: readonly number[];
  /** Blocks of each level of the decoder. */
  readonly decoder_layers_per_block: readonly number[];
  /** Kernels that queries, keys and values of each level of the encoder are seen through too. */
  readonly encoder_qkv_multiscales: readonly (readonly number[])[];
  /** The same of the decoder. */
  readonly decoder_qkv_multiscales: readonly (readonly number[])[];
  /** How the decoder enlarges. */
  readonly upsample_block_type: "pixel_shuffle" | "interpolate";
  /** How the encoder shrinks. */
  readonly downsample_block_type: "pixel_unshuffle" | "conv" | "Conv";
  /** Must be `"rms_norm"`, for all levels or each. */
  readonly decoder_norm_types: string | readonly string[];
  /** The activation of the decoder's residual blocks, of all levels or each. */
  readonly decoder_act_fns: string | readonly string[];
  /** Whether the last convolution of the encoder has a shortcut beside it. */
  readonly encoder_out_shortcut: boolean;
  /** Whether the first convolution of the decoder has one. */
  readonly decoder_in_shortcut: boolean;
  /** The activation before the decoder's last convolution. */
  readonly decoder_conv_act_fn: string;
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
}

const CHANNELS = [128, 256, 512, 512, 1024, 1024];
const SCALES = [[], [], [], [5], [5], [5]];

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AutoencoderDCConfig> = {
  in_channels: 3,
  latent_channels: 32,
  attention_head_dim: 32,
  encoder_block_types: anything<BlockType | readonly BlockType[]>("ResBlock"),
  decoder_block_types: anything<BlockType | readonly BlockType[]>("ResBlock"),
  encoder_block_out_channels: CHANNELS,
  decoder_block_out_channels: CHANNELS,
  encoder_layers_per_block: [2, 2, 2, 3, 3, 3],
  decoder_layers_per_block: [3, 3, 3, 3, 3, 3],
  encoder_qkv_multiscales: anything<readonly (readonly number[])[]>(SCALES),
  decoder_qkv_multiscales: anything<readonly (readonly number[])[]>(SCALES),
  upsample_block_type: oneOf("pixel_shuffle", "interpolate"),
  downsample_block_type: oneOf("pixel_unshuffle", "conv", "Conv"),
  decoder_norm_types: anything<string | readonly string[]>("rms_norm"),
  decoder_act_fns: anything<string | readonly string[]>("silu"),
  encoder_out_shortcut: true,
  decoder_in_shortcut: true,
  decoder_conv_act_fn: "relu",
  scaling_factor: float(1),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<AutoencoderDCConfig>): void {
  checkKnown("AutoencoderDC", config, {
    encoder_block_types: ["ResBlock", "EfficientViTBlock"],
    decoder_block_types: ["ResBlock", "EfficientViTBlock"],
    decoder_norm_types: ["rms_norm"],
    decoder_act_fns: activationNames,
    decoder_conv_act_fn: activationNames,
  });
  for (const side of ["encoder", "decoder"] as const) {
    checkLevels("AutoencoderDC", config, `${side}_block_out_channels`, [
      `${side}_layers_per_block`,
      `${side}_qkv_multiscales`,
    ]);
  }
}
