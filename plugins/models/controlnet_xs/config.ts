import {
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

/** Options that an adapter and a UNet with one have alike. */
export interface ControlNetXSSharedConfig {
  /** Height and width of the latents it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Width of the text states, for all levels or for each. */
  readonly cross_attention_dim: number | readonly number[];
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly number[];
  /** Whether attention weights are computed in float32 in a model of float16. */
  readonly upcast_attention: boolean;
  /** Whether transformers project by a matrix in the place of a 1x1 convolution. */
  readonly use_linear_projection: boolean;
  /** How much of the time embedding is the adapter's, 0..1; to the power of 0.3. */
  readonly time_embedding_mix: number;
}

/** Options of a ControlNetXSAdapter, as they stand in config.json. */
export interface ControlNetXSAdapterConfig extends ControlNetXSSharedConfig {
  /** Channels of the image that controls. */
  readonly conditioning_channels: number;
  /** Order of the channels that it was trained with. */
  readonly conditioning_channel_order: "rgb" | "bgr";
  /** Channels of the layers that bring the image to the size of the latents. */
  readonly conditioning_embedding_out_channels: readonly number[];
  /** Whether it has a time embedding of its own. */
  readonly learn_time_embedding: boolean;
  /** The number of attention heads, for all levels or for each. */
  readonly num_attention_heads: number | readonly number[];
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** Those of the UNet. */
  readonly base_block_out_channels: readonly number[];
  /** The most groups of a normalization: the largest that divides its channels. */
  readonly max_norm_num_groups: number;
}

/** Options of a UNetControlNetXSModel, as they stand in config.json. */
export interface UNetControlNetXSConfig extends ControlNetXSSharedConfig {
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** Groups of each normalization. */
  readonly norm_num_groups: number;
  /** The number of attention heads, for all levels or for each. */
  readonly num_attention_heads: number | readonly number[];
  /** What is added to the time embedding: `"text_time"` as in SDXL. */
  readonly addition_embed_type: string | null;
  /** Frequencies for each of SDXL's sizes and crops. */
  readonly addition_time_embed_dim: number | null;
  /** Always null: it has no place for the guidance scale of latent consistency models. */
  readonly time_cond_proj_dim: number | null;
  /** Width of SDXL's text and sizes. */
  readonly projection_class_embeddings_input_dim: number | null;
  /** The adapter's `conditioning_channels`. */
  readonly ctrl_conditioning_channels: number;
  /** The adapter's `conditioning_embedding_out_channels`. */
  readonly ctrl_conditioning_embedding_out_channels: readonly number[];
  /** The adapter's `conditioning_channel_order`. */
  readonly ctrl_conditioning_channel_order: "rgb" | "bgr";
  /** The adapter's `learn_time_embedding`. */
  readonly ctrl_learn_time_embedding: boolean;
  /** The adapter's `block_out_channels`. */
  readonly ctrl_block_out_channels: readonly number[];
  /** The adapter's `num_attention_heads`. */
  readonly ctrl_num_attention_heads: number | readonly number[];
  /** The adapter's `max_norm_num_groups`. */
  readonly ctrl_max_norm_num_groups: number;
}

const shared: ConfigSchema<ControlNetXSSharedConfig> = {
  sample_size: maybe(either(number, numbers), 96),
  down_block_types: [
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "DownBlock2D",
  ],
  cross_attention_dim: either(number, numbers)(1024),
  transformer_layers_per_block: either(number, numbers)(1),
  upcast_attention: true,
  use_linear_projection: true,
  time_embedding_mix: float(1),
};

/** The options of an adapter with the reference's defaults. */
export const adapterSchema: ConfigSchema<ControlNetXSAdapterConfig> = {
  ...shared,
  conditioning_channels: 3,
  conditioning_channel_order: oneOf("rgb", "bgr"),
  conditioning_embedding_out_channels: [16, 32, 96, 256],
  learn_time_embedding: false,
  num_attention_heads: either(number, numbers)(4),
  block_out_channels: [4, 8, 16, 16],
  base_block_out_channels: [320, 640, 1280, 1280],
  max_norm_num_groups: 32,
};

/** The options of a UNet with an adapter, with the reference's defaults. */
export const unetSchema: ConfigSchema<UNetControlNetXSConfig> = {
  ...shared,
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  block_out_channels: [320, 640, 1280, 1280],
  norm_num_groups: 32,
  num_attention_heads: either(number, numbers)(8),
  addition_embed_type: maybe(string),
  addition_time_embed_dim: maybe(number),
  time_cond_proj_dim: maybe(number),
  projection_class_embeddings_input_dim: maybe(number),
  ctrl_conditioning_channels: 3,
  ctrl_conditioning_embedding_out_channels: [16, 32, 96, 256],
  ctrl_conditioning_channel_order: oneOf("rgb", "bgr"),
  ctrl_learn_time_embedding: false,
  ctrl_block_out_channels: [4, 8, 16, 16],
  ctrl_num_attention_heads: either(number, numbers)(4),
  ctrl_max_norm_num_groups: 32,
};

const DOWN = ["CrossAttnDownBlock2D", "DownBlock2D"];
const UP = ["CrossAttnUpBlock2D", "UpBlock2D"];

function checkMix(
  { time_embedding_mix: mix }: ControlNetXSSharedConfig,
  className: string,
  learns: boolean,
): void {
  if (mix >= 0 && mix <= 1 && (mix === 1 || learns)) return;
  throw new RangeError(
    `Cannot build ${className}: time_embedding_mix is ${mix}; it must be from 0 to 1, and 1 where no ` +
      "time embedding is learned",
  );
}

/** Refuses adapters that cannot be built, before any weights are looked at. */
export function checkAdapter(config: ControlNetXSAdapterConfig): void {
  const className = "ControlNetXSAdapter";
  checkKnown(className, config, { down_block_types: DOWN });
  checkLevels(className, config, "block_out_channels", [
    "base_block_out_channels",
    "down_block_types",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "num_attention_heads",
  ]);
  checkMix(config, className, config.learn_time_embedding);
}

/** Refuses UNets that cannot be built, before any weights are looked at. */
export function checkUNet(config: UNetControlNetXSConfig): void {
  const className = "UNetControlNetXSModel";
  checkKnown(className, config, {
    down_block_types: DOWN,
    up_block_types: UP,
    addition_embed_type: ["text_time", null],
    time_cond_proj_dim: [null],
  });
  checkLevels(className, config, "block_out_channels", [
    "ctrl_block_out_channels",
    "down_block_types",
    "up_block_types",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "num_attention_heads",
    "ctrl_num_attention_heads",
  ]);
  checkMix(config, className, config.ctrl_learn_time_embedding);
}

/** One value for every level, or a list of them, at a level. */
export function at<T>(value: T | readonly T[], level: number): T {
  return Array.isArray(value) ? value.at(level) : value as T;
}

/** The largest divisor of a number of channels that is no more than `most`. */
export function largestFactor(channels: number, most: number): number {
  let factor = Math.min(channels, most);
  while (channels % factor !== 0) factor--;
  return factor;
}
