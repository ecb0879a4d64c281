import {
  anything,
  boolean,
  booleans,
  type ConfigSchema,
  either,
  float,
  maybe,
  number,
  numbers,
  oneOf,
  string,
} from "@denoise/core";
import { checkKnown, checkLevels } from "@denoise/onnx";

/** The widths of the states that the transformers of a level attend to in turn; null looks at the pixels alone. */
export type AttentionWidths = number | readonly (number | null)[];

/** Options of an AudioLDM2UNet2DConditionModel, as they stand in config.json. */
export interface AudioLDM2UNet2DConditionConfig {
  /** Height and width of the latents it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Taken from the number of frequencies in the time embedding. */
  readonly freq_shift: number;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block in the middle, by its class name. */
  readonly mid_block_type: string;
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Whether the first attention of a transformer looks at the states too, for each level. */
  readonly only_cross_attention: boolean | readonly boolean[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level in the down blocks, for all or for each; one more in the up blocks. */
  readonly layers_per_block: number | readonly number[];
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalization. */
  readonly norm_num_groups: number;
  /** Added to the variance in each normalization. */
  readonly norm_eps: number;
  /** What the transformers of an attention look at, for all levels or for each. */
  readonly cross_attention_dim: number | readonly AttentionWidths[];
  /** Transformer blocks of a transformer, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly number[];
  /** The number of attention heads, whatever its name says (diffusers issue 2011). */
  readonly attention_head_dim: number | readonly number[];
  /** Always null: see `attention_head_dim`. */
  readonly num_attention_heads: null;
  /** Whether transformers project by a matrix in the place of a 1x1 convolution. */
  readonly use_linear_projection: boolean;
  /** How a class label becomes a vector; none is taken. */
  readonly class_embed_type: null;
  /** Number of classes; none is taken. */
  readonly num_class_embeds: null;
  /** Whether attention weights are computed in float32 in a model of float16. */
  readonly upcast_attention: boolean;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** How the timestep becomes a vector. */
  readonly time_embedding_type: "positional";
  /** Width of the time embedding; four times the first level's channels when null. */
  readonly time_embedding_dim: number | null;
  /** Activation of the finished time embedding. */
  readonly time_embedding_act_fn: string | null;
  /** Activation at the end of the time embedding's layers. */
  readonly timestep_post_act: string | null;
  /** Width of a guidance scale's embedding, which none takes. */
  readonly time_cond_proj_dim: null;
  /** Size of the first convolution. */
  readonly conv_in_kernel: number;
  /** Size of the last convolution. */
  readonly conv_out_kernel: number;
  /** Width of a class vector before it is projected. */
  readonly projection_class_embeddings_input_dim: number | null;
  /** Whether a class vector is put beside the time embedding; there is none. */
  readonly class_embeddings_concat: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AudioLDM2UNet2DConditionConfig> = {
  sample_size: maybe(either(number, numbers)),
  in_channels: 4,
  out_channels: 4,
  flip_sin_to_cos: true,
  freq_shift: 0,
  down_block_types: [
    ...["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
  ],
  mid_block_type: "UNetMidBlock2DCrossAttn",
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  only_cross_attention: either(boolean, booleans)(false),
  block_out_channels: [320, 640, 1280, 1280],
  layers_per_block: either(number, numbers)(2),
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  act_fn: "silu",
  norm_num_groups: 32,
  norm_eps: float(1e-5),
  cross_attention_dim: anything(1280),
  transformer_layers_per_block: either(number, numbers)(1),
  attention_head_dim: either(number, numbers)(8),
  num_attention_heads: anything(null),
  use_linear_projection: false,
  class_embed_type: anything(null),
  num_class_embeds: anything(null),
  upcast_attention: false,
  resnet_time_scale_shift: oneOf("default", "scale_shift"),
  time_embedding_type: oneOf("positional"),
  time_embedding_dim: maybe(number),
  time_embedding_act_fn: maybe(string),
  timestep_post_act: maybe(string),
  time_cond_proj_dim: anything(null),
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  projection_class_embeddings_input_dim: maybe(number),
  class_embeddings_concat: false,
};

/** Most transformers of one attention. */
const MOST = 4;

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: AudioLDM2UNet2DConditionConfig): void {
  const className = "AudioLDM2UNet2DConditionModel";
  checkKnown(className, config, {
    down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D"],
    mid_block_type: ["UNetMidBlock2DCrossAttn"],
    up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
    num_attention_heads: [null],
    class_embed_type: [null],
    num_class_embeds: [null],
    time_cond_proj_dim: [null],
    class_embeddings_concat: [false],
  });
  checkLevels(className, config, "block_out_channels", [
    ...["down_block_types", "up_block_types", "only_cross_attention", "layers_per_block"] as const,
    ...["cross_attention_dim", "transformer_layers_per_block", "attention_head_dim"] as const,
  ]);
  for (const level of config.block_out_channels.keys()) {
    const widths = widthsAt(config, level);
    if (widths.length > 0 && widths.length <= MOST) continue;
    throw new RangeError(
      `Cannot build ${className}: cross_attention_dim has ${widths.length} entries for level ${level}; ` +
        `it must be 1 to ${MOST}`,
    );
  }
}

/** What the transformers of each attention of a level look at in turn. */
export function widthsAt(
  { cross_attention_dim: widths }: Pick<AudioLDM2UNet2DConditionConfig, "cross_attention_dim">,
  level: number,
): readonly (number | null)[] {
  const own = Array.isArray(widths) ? (widths as readonly AttentionWidths[])[level]! : widths;
  return Array.isArray(own) ? own as readonly (number | null)[] : [own as number];
}
