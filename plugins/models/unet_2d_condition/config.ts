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
import { unsupportedOption } from "@denoise/onnx";
import { downBlockTypes, isKBlock, kDownTypes, kUpTypes, upBlockTypes } from "@denoise/onnx/blocks";

/** Options of a UNet2DConditionModel, as they stand in config.json. */
export interface UNet2DConditionConfig {
  /** Height and width of the latents it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Whether the sample is brought from 0..1 to -1..1 first. */
  readonly center_input_sample: boolean;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Taken from the number of frequencies in the time embedding: 1 as in DDPM, 0 elsewhere. */
  readonly freq_shift: number;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block in the middle, by its class name; none when null. */
  readonly mid_block_type: string | null;
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Whether the first attention of a transformer looks at the text too, for each level. */
  readonly only_cross_attention: boolean | readonly boolean[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level in the down blocks, for all or for each; one more in the up blocks. */
  readonly layers_per_block: number | readonly number[];
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** Used in training alone. */
  readonly dropout: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalisation; none after the last level when null. */
  readonly norm_num_groups: number | null;
  /** Added to the variance in each normalisation. */
  readonly norm_eps: number;
  /** Width of the text states. */
  readonly cross_attention_dim: number | readonly number[];
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly (number | readonly number[])[];
  /** The same in the up blocks; mirrored from the down blocks when null. */
  readonly reverse_transformer_layers_per_block: readonly (number | readonly number[])[] | null;
  /** Width of the text states before they are projected. */
  readonly encoder_hid_dim: number | null;
  /** How they are projected: `"text_proj"`, or with or from the vector of an image; not at all when null. */
  readonly encoder_hid_dim_type: string | null;
  /** The number of attention heads, whatever its name says (diffusers issue 2011). */
  readonly attention_head_dim: number | readonly number[];
  /** Always null: see `attention_head_dim`. */
  readonly num_attention_heads: null;
  /** Whether two contexts are attended to at once. */
  readonly dual_cross_attention: boolean;
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
  /** Whether residual blocks take the time embedding without an activation. */
  readonly resnet_skip_time_act: boolean;
  /** What the sums of residual blocks are divided by. */
  readonly resnet_out_scale_factor: number;
  /** How the timestep becomes a vector: sines, or random frequencies. */
  readonly time_embedding_type: "positional" | "fourier";
  /** Width of the time embedding; four times the first level's channels when null. */
  readonly time_embedding_dim: number | null;
  /** Activation of the finished time embedding. */
  readonly time_embedding_act_fn: string | null;
  /** Activation at the end of the time embedding's layers. */
  readonly timestep_post_act: string | null;
  /** Width of the guidance scale's embedding in latent consistency models. */
  readonly time_cond_proj_dim: number | null;
  /** Size of the first convolution. */
  readonly conv_in_kernel: number;
  /** Size of the last convolution. */
  readonly conv_out_kernel: number;
  /** Width of a class vector, or of SDXL's text and sizes, before it is projected. */
  readonly projection_class_embeddings_input_dim: number | null;
  /** `"default"`, or a gated attention. */
  readonly attention_type: string;
  /** Whether the class vector is put beside the time embedding and not added. */
  readonly class_embeddings_concat: boolean;
  /** `only_cross_attention` of the middle block. */
  readonly mid_block_only_cross_attention: boolean | null;
  /** Normalisation of the text states in each attention. */
  readonly cross_attention_norm: "layer_norm" | "group_norm" | null;
  /** Attention heads that pool the text for `"text"`. */
  readonly addition_embed_type_num_heads: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<UNet2DConditionConfig> = {
  sample_size: maybe(either(number, numbers)),
  in_channels: 4,
  out_channels: 4,
  center_input_sample: false,
  flip_sin_to_cos: true,
  freq_shift: 0,
  down_block_types: [
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D",
    "DownBlock2D",
  ],
  mid_block_type: maybe(string, "UNetMidBlock2DCrossAttn"),
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  only_cross_attention: either(boolean, booleans)(false),
  block_out_channels: [320, 640, 1280, 1280],
  layers_per_block: either(number, numbers)(2),
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  dropout: float(0),
  act_fn: "silu",
  norm_num_groups: maybe(number, 32),
  norm_eps: float(1e-5),
  cross_attention_dim: either(number, numbers)(1280),
  transformer_layers_per_block: anything(1),
  reverse_transformer_layers_per_block: anything(null),
  encoder_hid_dim: maybe(number),
  encoder_hid_dim_type: maybe(string),
  attention_head_dim: either(number, numbers)(8),
  num_attention_heads: anything(null),
  dual_cross_attention: false,
  use_linear_projection: false,
  class_embed_type: maybe(string),
  addition_embed_type: maybe(string),
  addition_time_embed_dim: maybe(number),
  num_class_embeds: maybe(number),
  upcast_attention: false,
  resnet_time_scale_shift: oneOf("default", "scale_shift"),
  resnet_skip_time_act: false,
  resnet_out_scale_factor: float(1),
  time_embedding_type: oneOf("positional", "fourier"),
  time_embedding_dim: maybe(number),
  time_embedding_act_fn: maybe(string),
  timestep_post_act: maybe(string),
  time_cond_proj_dim: maybe(number),
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  projection_class_embeddings_input_dim: maybe(number),
  attention_type: "default",
  class_embeddings_concat: false,
  mid_block_only_cross_attention: maybe(boolean),
  cross_attention_norm: anything(null),
  addition_embed_type_num_heads: 64,
};

const SUPPORTED = {
  mid_block_type: [
    "UNetMidBlock2DCrossAttn",
    "UNetMidBlock2DSimpleCrossAttn",
    "UNetMidBlock2D",
    null,
  ],
  encoder_hid_dim_type: ["text_proj", "text_image_proj", "image_proj", null],
  num_attention_heads: [null],
  dual_cross_attention: [false],
  class_embed_type: ["timestep", "identity", "projection", "simple_projection", null],
  addition_embed_type: ["text", "text_image", "text_time", "image", "image_hint", null],
  attention_type: ["default"],
  cross_attention_norm: ["layer_norm", "group_norm", null],
} as const;

const BLOCKS = {
  down_block_types: [...downBlockTypes, "SimpleCrossAttnDownBlock2D", ...kDownTypes],
  up_block_types: [...upBlockTypes, "SimpleCrossAttnUpBlock2D", ...kUpTypes],
} as const;

/** Options that others need. */
const NEEDS = [
  ["encoder_hid_dim_type", ["text_proj", "text_image_proj", "image_proj"], "encoder_hid_dim"],
  ["addition_embed_type", ["image", "image_hint"], "encoder_hid_dim"],
  ["addition_embed_type", ["text_time"], "addition_time_embed_dim"],
  [
    "class_embed_type",
    ["projection", "simple_projection"],
    "projection_class_embeddings_input_dim",
  ],
] as const;

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: UNet2DConditionConfig): void {
  for (const [option, known] of Object.entries(SUPPORTED)) {
    const value = config[option as keyof typeof SUPPORTED];
    if (!(known as readonly unknown[]).includes(value)) {
      throw unsupportedOption("UNet2DConditionModel", option, value, known);
    }
  }
  for (const option of ["down_block_types", "up_block_types"] as const) {
    const unknown = config[option].find((type) => !BLOCKS[option].includes(type));
    if (unknown !== undefined) {
      throw unsupportedOption("UNet2DConditionModel", option, unknown, BLOCKS[option]);
    }
  }
  for (const [option, values, needed] of NEEDS) {
    const value = config[option];
    if (!(values as readonly unknown[]).includes(value) || config[needed] !== null) continue;
    throw new RangeError(
      `Cannot build UNet2DConditionModel: ${option} is ${
        JSON.stringify(value)
      }, but ${needed} is ` +
        "null; give its width",
    );
  }
  checkLevels(config);
  checkKBlocks(config);
}

/** Blocks in the manner of k-diffusion need no groups, and hide what others want to see. */
function checkKBlocks(config: UNet2DConditionConfig): void {
  const types = [...config.down_block_types, ...config.up_block_types];
  if (config.norm_num_groups === null && !types.every(isKBlock)) {
    throw unsupportedOption("UNet2DConditionModel", "norm_num_groups", null);
  }
  const [last, first] = [config.down_block_types.at(-1)!, config.up_block_types[0]!];
  if (last === "KCrossAttnDownBlock2D" && !isKBlock(first)) {
    throw new RangeError(
      `Cannot build UNet2DConditionModel: ${first} cannot follow a last ${last}, which leaves it ` +
        `nothing to see; the first of up_block_types must be one of ${kUpTypes.join(", ")}`,
    );
  }
}

/** Refuses lists that do not have an entry for each level. */
function checkLevels(config: UNet2DConditionConfig): void {
  const levels = config.block_out_channels.length;
  const perLevel = [
    "down_block_types",
    "up_block_types",
    "only_cross_attention",
    "layers_per_block",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "attention_head_dim",
  ] as const;
  for (const option of perLevel) {
    const value = config[option];
    if (!Array.isArray(value) || value.length === levels) continue;
    throw new RangeError(
      `Cannot build UNet2DConditionModel: ${option} has ${value.length} entries, but ` +
        `block_out_channels ${levels}; they must be as many`,
    );
  }
  const { transformer_layers_per_block: layers, reverse_transformer_layers_per_block } = config;
  const isNested = Array.isArray(layers) && layers.some(Array.isArray);
  if (!isNested || reverse_transformer_layers_per_block !== null) return;
  throw new RangeError(
    "Cannot build UNet2DConditionModel: transformer_layers_per_block has lists in a list, so " +
      "reverse_transformer_layers_per_block must say what the up blocks has",
  );
}
