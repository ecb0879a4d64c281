import {
  type ConfigSchema,
  either,
  type FrozenConfig,
  maybe,
  number,
  numbers,
  oneOf,
} from "@denoise/core";
import { checkKnown, checkLevels } from "../check_config.ts";
import type { Scope, Value } from "../graph/mod.ts";
import { float32, int64, type Port, timesteps, unsupportedOption } from "../model_definition.ts";
import { conv2d, mean, mul, split } from "../nn/mod.ts";
import { type ConditionedUNetConfig, conditionedUNetOptions } from "./conditioned_unet.ts";
import { type ConditioningConfig, timeWidth } from "./conditioning.ts";
import { downBlock, downBlockTypes } from "./down_block.ts";
import { downLevel, layersAt, type MiddleConfig, middleLevel } from "./levels.ts";

/** Options of a ControlNet of UNets, as they stand in config.json. */
export interface ControlNetConfig extends ConditionedUNetConfig {
  /** Channels of the image that controls. */
  readonly conditioning_channels: number;
  /** Block in the middle, by its class name. */
  readonly mid_block_type: string;
  /** Residual blocks of a level. */
  readonly layers_per_block: number;
  /** Width of the text states. */
  readonly cross_attention_dim: number;
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly number[];
  /** The number of attention heads. */
  readonly num_attention_heads: number | readonly number[] | null;
  /** Order of the channels that it was trained with. */
  readonly controlnet_conditioning_channel_order: "rgb" | "bgr";
  /** Channels of the layers that bring the image to the size of the latents. */
  readonly conditioning_embedding_out_channels: readonly number[];
  /** Whether residuals are averaged over the image (as for shuffled contents). */
  readonly global_pool_conditions: boolean;
}

/** The options with the reference's defaults. */
export const controlNetOptions: ConfigSchema<ControlNetConfig> = {
  ...conditionedUNetOptions,
  conditioning_channels: 3,
  mid_block_type: "UNetMidBlock2DCrossAttn",
  layers_per_block: 2,
  cross_attention_dim: 1280,
  transformer_layers_per_block: either(number, numbers)(1),
  num_attention_heads: maybe(either(number, numbers)),
  controlnet_conditioning_channel_order: oneOf("rgb", "bgr"),
  conditioning_embedding_out_channels: [16, 32, 96, 256],
  global_pool_conditions: false,
};

const SUPPORTED = {
  down_block_types: downBlockTypes,
  mid_block_type: ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"],
  encoder_hid_dim: [null],
  encoder_hid_dim_type: [null],
  class_embed_type: ["timestep", "identity", "projection", null],
  addition_embed_type: ["text_time", null],
} as const;

/** Refuses what cannot be built, before any weights are looked at. */
export function checkControlNet(className: string, config: ControlNetConfig): void {
  checkKnown(className, config, SUPPORTED);
  if (config.norm_num_groups === null) {
    throw unsupportedOption(className, "norm_num_groups", null);
  }
  checkLevels(className, config, "block_out_channels", [
    "down_block_types",
    "only_cross_attention",
    "transformer_layers_per_block",
    "attention_head_dim",
    "num_attention_heads",
  ]);
}

/** Options of a UNet that a ControlNet does not have. */
const UNET = {
  time_embedding_dim: null,
  time_embedding_type: "positional",
  time_embedding_act_fn: null,
  timestep_post_act: null,
  class_embeddings_concat: false,
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
} as const;

/** The config of a ControlNet as that of the UNet whose down blocks it copies. */
export function controlledUNet(
  config: FrozenConfig<ControlNetConfig>,
): ConditioningConfig & MiddleConfig {
  const attention_head_dim = config.num_attention_heads ?? config.attention_head_dim;
  return { ...UNET, ...config, attention_head_dim };
}

/** How many residuals a ControlNet has for the down blocks. */
function residualCount(config: FrozenConfig<ControlNetConfig>): number {
  const levels = config.block_out_channels.length;
  return levels * layersAt(controlledUNet(config), 0) + levels;
}

function labelPort(config: FrozenConfig<ControlNetConfig>): Record<string, Port> {
  const { class_embed_type: type, num_class_embeds: classes } = config;
  if (type === "timestep") return { class_labels: timesteps() };
  if (type === "identity") {
    return { class_labels: float32("batch", timeWidth(controlledUNet(config))) };
  }
  if (type === "projection") {
    return { class_labels: float32("batch", config.projection_class_embeddings_input_dim ?? 0) };
  }
  return classes === null ? {} : { class_labels: int64("batch") };
}

/** The inputs of a ControlNet beside the image that controls. */
export function controlNetPorts(config: FrozenConfig<ControlNetConfig>): Record<string, Port> {
  return {
    sample: float32("batch", config.in_channels, "height", "width"),
    timestep: timesteps(),
    encoder_hidden_states: float32("batch", "tokens", config.cross_attention_dim),
    scales: float32(residualCount(config) + 1),
    ...labelPort(config),
    ...(config.addition_embed_type === "text_time"
      ? {
        text_embeds: float32("batch", "pooled"),
        time_ids: { ...float32("batch", "ids"), exact: true },
      }
      : {}),
  };
}

/**
 * The residuals of a ControlNet, each times its scale, by the names `residual_0`, `residual_1`, ...
 *
 * @param input Latents with what the image adds, [N, C, h, w].
 * @param temb What tells of the time, [N, E].
 * @param inputs Those of {@linkcode controlNetPorts}.
 */
export function controlNetResiduals(
  s: Scope,
  config: FrozenConfig<ControlNetConfig>,
  input: Value,
  temb: Value,
  { encoder_hidden_states: context, scales }: Readonly<Record<string, Value>>,
): Record<string, Value> {
  const unet = controlledUNet(config);

  // down
  let x = input;
  const skips = [x];
  for (const [i, type] of config.down_block_types.entries()) {
    const options = downLevel(unet, i, temb, context!);
    const level = downBlock(s.at("down_blocks", i), type, x, options);
    x = level.x;
    skips.push(...level.skips);
  }

  // middle
  x = middleLevel(s.at("mid_block"), unet, x, temb, context!);

  // out
  const outputs = [
    ...skips.map((skip, i) => conv2d(s.at("controlnet_down_blocks", i), skip)),
    conv2d(s.at("controlnet_mid_block"), x),
  ];
  const each = split(s, scales!, outputs.map(() => 1), 0);
  const residuals = outputs.map((output, i) => {
    const scaled = mul(s, output, each[i]!);
    return config.global_pool_conditions ? mean(s, scaled, [2, 3]) : scaled;
  });
  return Object.fromEntries(residuals.map((residual, i) => [`residual_${i}`, residual]));
}

/**
 * The scales of a ControlNet's residuals: all the same, or in guess mode from a tenth for those of the
 * finest level to all of the middle.
 */
export function residualScales(
  config: FrozenConfig<ControlNetConfig>,
  scale: number,
  guessMode: boolean,
): Float32Array {
  const count = residualCount(config) + 1;
  const graded = guessMode && !config.global_pool_conditions;
  const gain = (i: number) => graded ? Math.fround(10 ** (i / (count - 1) - 1)) : 1;
  return Float32Array.from({ length: count }, (_, i) => gain(i) * scale);
}

/** What a ControlNet adds, of the outputs of its graph. */
export function namedResiduals<T>(
  config: FrozenConfig<ControlNetConfig>,
  outputs: Readonly<Record<string, T>>,
): { readonly downBlockResSamples: readonly T[]; readonly midBlockResSample: T } {
  const count = residualCount(config);
  const residuals = Array.from({ length: count + 1 }, (_, i) => outputs[`residual_${i}`]!);
  return { downBlockResSamples: residuals.slice(0, count), midBlockResSample: residuals[count]! };
}
