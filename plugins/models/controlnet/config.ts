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
import { unsupportedOption } from "@denoise/onnx";
import { downBlockTypes } from "@denoise/onnx/blocks";

/** Options of a ControlNetModel, as they stand in config.json. */
export interface ControlNetConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the image that controls. */
  readonly conditioning_channels: number;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Taken from the number of frequencies in the time embedding. */
  readonly freq_shift: number;
  /** Block of each level, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block in the middle, by its class name. */
  readonly mid_block_type: string;
  /** Whether the first attention of a transformer looks at the text too, for each level. */
  readonly only_cross_attention: boolean | readonly boolean[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level. */
  readonly layers_per_block: number;
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalization. */
  readonly norm_num_groups: number | null;
  /** Added to the variance in each normalization. */
  readonly norm_eps: number;
  /** Width of the text states. */
  readonly cross_attention_dim: number;
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly number[];
  /** Width of text states before a projection; the reference declares it and never projects. */
  readonly encoder_hid_dim: number | null;
  /** Always null: see `encoder_hid_dim`. */
  readonly encoder_hid_dim_type: string | null;
  /** The number of attention heads unless `num_attention_heads` is given, whatever its name says. */
  readonly attention_head_dim: number | readonly number[];
  /** The number of attention heads. */
  readonly num_attention_heads: number | readonly number[] | null;
  /** Whether transformers project by a matrix in the place of a 1x1 convolution. */
  readonly use_linear_projection: boolean;
  /** How a class label becomes a vector; by a table when only `num_class_embeds` is given. */
  readonly class_embed_type: string | null;
  /** What is added to the time embedding: `"text_time"` as in SDXL. */
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
  /** Order of the channels that it was trained with. */
  readonly controlnet_conditioning_channel_order: "rgb" | "bgr";
  /** Channels of the layers that bring the image to the size of the latents. */
  readonly conditioning_embedding_out_channels: readonly number[];
  /** Whether residuals are averaged over the image (as for shuffled contents). */
  readonly global_pool_conditions: boolean;
  /** Attention heads that pool the text for `"text"`. */
  readonly addition_embed_type_num_heads: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ControlNetConfig> = {
  in_channels: 4,
  conditioning_channels: 3,
  flip_sin_to_cos: true,
  freq_shift: 0,
  down_block_types: [
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "DownBlock2D",
  ],
  mid_block_type: "UNetMidBlock2DCrossAttn",
  only_cross_attention: either(boolean, booleans)(false),
  block_out_channels: [320, 640, 1280, 1280],
  layers_per_block: 2,
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  act_fn: "silu",
  norm_num_groups: maybe(number, 32),
  norm_eps: float(1e-5),
  cross_attention_dim: 1280,
  transformer_layers_per_block: either(number, numbers)(1),
  encoder_hid_dim: maybe(number),
  encoder_hid_dim_type: maybe(string),
  attention_head_dim: either(number, numbers)(8),
  num_attention_heads: maybe(either(number, numbers)),
  use_linear_projection: false,
  class_embed_type: maybe(string),
  addition_embed_type: maybe(string),
  addition_time_embed_dim: maybe(number),
  num_class_embeds: maybe(number),
  upcast_attention: false,
  resnet_time_scale_shift: oneOf("default", "scale_shift"),
  projection_class_embeddings_input_dim: maybe(number),
  controlnet_conditioning_channel_order: oneOf("rgb", "bgr"),
  conditioning_embedding_out_channels: [16, 32, 96, 256],
  global_pool_conditions: false,
  addition_embed_type_num_heads: 64,
};

const SUPPORTED = {
  mid_block_type: ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"],
  encoder_hid_dim: [null],
  encoder_hid_dim_type: [null],
  class_embed_type: ["timestep", "identity", "projection", null],
  addition_embed_type: ["text_time", null],
} as const;

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: ControlNetConfig): void {
  for (const [option, known] of Object.entries(SUPPORTED)) {
    const value = config[option as keyof typeof SUPPORTED];
    if (!(known as readonly unknown[]).includes(value)) {
      throw unsupportedOption("ControlNetModel", option, value, known);
    }
  }
  if (config.norm_num_groups === null) {
    throw unsupportedOption("ControlNetModel", "norm_num_groups", null);
  }
  const unknown = config.down_block_types.find((type) => !downBlockTypes.includes(type));
  if (unknown !== undefined) {
    throw unsupportedOption("ControlNetModel", "down_block_types", unknown, downBlockTypes);
  }
  const levels = config.block_out_channels.length;
  const perLevel = [
    "down_block_types",
    "only_cross_attention",
    "transformer_layers_per_block",
    "attention_head_dim",
    "num_attention_heads",
  ] as const;
  for (const option of perLevel) {
    const value = config[option];
    if (!Array.isArray(value) || value.length === levels) continue;
    throw new RangeError(
      `Cannot build ControlNetModel: ${option} has ${value.length} entries, but ` +
        `block_out_channels ${levels}; they must be as many`,
    );
  }
}
