import {
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

/** Options that a UNet conditioned on a text and its ControlNets have alike, as they stand in config.json. */
export interface ConditionedUNetConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Taken from the number of frequencies in the time embedding: 1 as in DDPM, 0 elsewhere. */
  readonly freq_shift: number;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Whether the first attention of a transformer looks at the text too, for each level. */
  readonly only_cross_attention: boolean | readonly boolean[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalization; none after the last level when null. */
  readonly norm_num_groups: number | null;
  /** Added to the variance in each normalization. */
  readonly norm_eps: number;
  /** Width of the text states before they are projected. */
  readonly encoder_hid_dim: number | null;
  /** How they are projected: `"text_proj"`, or with or from the vector of an image; not at all when null. */
  readonly encoder_hid_dim_type: string | null;
  /** The number of attention heads, whatever its name says (diffusers issue 2011). */
  readonly attention_head_dim: number | readonly number[];
  /** Whether transformers project by a matrix in the place of a 1x1 convolution. */
  readonly use_linear_projection: boolean;
  /** How a class label becomes a vector; by a table when only `num_class_embeds` is given. */
  readonly class_embed_type: string | null;
  /** What is added to the time embedding: `"text_time"` as in SDXL, or what text and image say. */
  readonly addition_embed_type: string | null;
  /** Frequencies for each of SDXL's sizes and crops. */
  readonly addition_time_embed_dim: number | null;
  /** Number of classes; no labels are taken when null. */
  readonly num_class_embeds: number | null;
  /** Whether attention weights are computed in float32 in a model of float16. */
  readonly upcast_attention: boolean;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Width of a class vector, or of SDXL's text and sizes, before it is projected. */
  readonly projection_class_embeddings_input_dim: number | null;
  /** Attention heads that pool the text for `"text"`. */
  readonly addition_embed_type_num_heads: number;
}

/** The options with the reference's defaults. */
export const conditionedUNetOptions: ConfigSchema<ConditionedUNetConfig> = {
  in_channels: 4,
  flip_sin_to_cos: true,
  freq_shift: 0,
  down_block_types: [
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "DownBlock2D",
  ],
  only_cross_attention: either(boolean, booleans)(false),
  block_out_channels: [320, 640, 1280, 1280],
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  act_fn: "silu",
  norm_num_groups: maybe(number, 32),
  norm_eps: float(1e-5),
  encoder_hid_dim: maybe(number),
  encoder_hid_dim_type: maybe(string),
  attention_head_dim: either(number, numbers)(8),
  use_linear_projection: false,
  class_embed_type: maybe(string),
  addition_embed_type: maybe(string),
  addition_time_embed_dim: maybe(number),
  num_class_embeds: maybe(number),
  upcast_attention: false,
  resnet_time_scale_shift: oneOf("default", "scale_shift"),
  projection_class_embeddings_input_dim: maybe(number),
  addition_embed_type_num_heads: 64,
};
