import {
  anything,
  boolean,
  type ConfigSchema,
  either,
  float,
  maybe,
  number,
  numbers,
  oneOf,
  string,
} from "@denoise/core";
import { checkKnown, checkLevels, unsupportedOption } from "@denoise/onnx";
import {
  type ConditionedUNetConfig,
  conditionedUNetOptions,
  downBlockTypes,
  isKBlock,
  kDownTypes,
  kUpTypes,
  upBlockTypes,
} from "@denoise/onnx/blocks";

/** Options of a UNet2DConditionModel, as they stand in config.json. */
export interface UNet2DConditionConfig extends ConditionedUNetConfig {
  /** Height and width of the latents it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Whether the sample is brought from 0..1 to -1..1 first. */
  readonly center_input_sample: boolean;
  /** Block in the middle, by its class name; none when null. */
  readonly mid_block_type: string | null;
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Residual blocks of a level in the down blocks, for all or for each; one more in the up blocks. */
  readonly layers_per_block: number | readonly number[];
  /** Used in training alone. */
  readonly dropout: number;
  /** Width of the text states. */
  readonly cross_attention_dim: number | readonly number[];
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly (number | readonly number[])[];
  /** The same in the up blocks; mirrored from the down blocks when null. */
  readonly reverse_transformer_layers_per_block: readonly (number | readonly number[])[] | null;
  /** Always null: see `attention_head_dim`. */
  readonly num_attention_heads: null;
  /** Whether two contexts are attended to at once. */
  readonly dual_cross_attention: boolean;
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
  /** `"default"`, or GLIGEN's attention to objects: `"gated"`, or with images of them `"gated-text-image"`. */
  readonly attention_type: string;
  /** Whether the class vector is put beside the time embedding and not added. */
  readonly class_embeddings_concat: boolean;
  /** `only_cross_attention` of the middle block. */
  readonly mid_block_only_cross_attention: boolean | null;
  /** Normalisation of the text states in each attention. */
  readonly cross_attention_norm: "layer_norm" | "group_norm" | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<UNet2DConditionConfig> = {
  ...conditionedUNetOptions,
  sample_size: maybe(either(number, numbers)),
  out_channels: 4,
  center_input_sample: false,
  mid_block_type: maybe(string, "UNetMidBlock2DCrossAttn"),
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: either(number, numbers)(2),
  dropout: float(0),
  cross_attention_dim: either(number, numbers)(1280),
  transformer_layers_per_block: anything(1),
  reverse_transformer_layers_per_block: anything(null),
  num_attention_heads: anything(null),
  dual_cross_attention: false,
  resnet_skip_time_act: false,
  resnet_out_scale_factor: float(1),
  time_embedding_type: oneOf("positional", "fourier"),
  time_embedding_dim: maybe(number),
  time_embedding_act_fn: maybe(string),
  timestep_post_act: maybe(string),
  time_cond_proj_dim: maybe(number),
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  attention_type: "default",
  class_embeddings_concat: false,
  mid_block_only_cross_attention: maybe(boolean),
  cross_attention_norm: anything(null),
};

/** Width of the states of texts as attention sees them, that of the first level where levels differ. */
export function attentionWidth(
  { cross_attention_dim: width }: Pick<UNet2DConditionConfig, "cross_attention_dim">,
): number {
  return [width].flat()[0] ?? 0;
}

const SUPPORTED = {
  down_block_types: [...downBlockTypes, "SimpleCrossAttnDownBlock2D", ...kDownTypes],
  up_block_types: [...upBlockTypes, "SimpleCrossAttnUpBlock2D", ...kUpTypes],
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
  attention_type: ["default", "gated", "gated-text-image"],
  cross_attention_norm: ["layer_norm", "group_norm", null],
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
  checkKnown("UNet2DConditionModel", config, SUPPORTED);
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
  checkLevels("UNet2DConditionModel", config, "block_out_channels", [
    "down_block_types",
    "up_block_types",
    "only_cross_attention",
    "layers_per_block",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "attention_head_dim",
  ]);
  checkNesting(config);
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

/** Lists in a list say nothing of the up blocks. */
function checkNesting(config: UNet2DConditionConfig): void {
  const { transformer_layers_per_block: layers, reverse_transformer_layers_per_block } = config;
  const isNested = Array.isArray(layers) && layers.some(Array.isArray);
  if (!isNested || reverse_transformer_layers_per_block !== null) return;
  throw new RangeError(
    "Cannot build UNet2DConditionModel: transformer_layers_per_block has lists in a list, so " +
      "reverse_transformer_layers_per_block must say what the up blocks have",
  );
}
