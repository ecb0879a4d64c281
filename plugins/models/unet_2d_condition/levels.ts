import type { FrozenConfig } from "@denoise/core";
import type { LevelOptions, ResnetOptions } from "@denoise/onnx/blocks";
import type { Value } from "@denoise/onnx/graph";
import type { UNet2DConditionConfig } from "./config.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;

/** One value for every level, or a list of them, at a level. */
function at<T>(value: T | readonly T[], level: number): T {
  return Array.isArray(value) ? value[level] : value as T;
}

/** What all residual blocks have in common. */
export function resnetOptions(config: Config): ResnetOptions {
  return {
    groups: config.norm_num_groups!,
    eps: config.norm_eps,
    activation: config.act_fn,
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

/** How many residual blocks a level on the way down has. */
export function layersAt(config: Config, level: number): number {
  return at(config.layers_per_block, level);
}

/** Options of the transformers of a level, counted from the top on both ways. */
export function transformerAt(
  config: Config,
  level: number,
  layersOf: number | readonly number[],
): NonNullable<LevelOptions["transformer"]> {
  return (i) => ({
    layers: at(layersOf, i),
    heads: at(config.attention_head_dim, level),
    groups: config.norm_num_groups!,
    linearProjection: config.use_linear_projection,
    onlyCrossAttention: at(config.only_cross_attention, level),
  });
}

/** Options of a level on the way down. */
export function downLevel(
  config: Config,
  level: number,
  temb: Value,
  context: Value,
): LevelOptions & { readonly downsamplePadding: number } {
  return {
    ...sharedOptions(config, config.down_block_types[level]!, level),
    layers: layersAt(config, level),
    temb,
    context,
    transformer: transformerAt(config, level, at(config.transformer_layers_per_block, level)),
    resample: level < config.block_out_channels.length - 1,
    downsamplePadding: config.downsample_padding,
  };
}

/** Options of step `i` on the way up; step 0 is the level that the way down ended with. */
export function upLevel(config: Config, i: number, temb: Value, context: Value): LevelOptions {
  const last = config.block_out_channels.length - 1;
  const level = last - i;
  const layersOf = config.reverse_transformer_layers_per_block?.[i] ??
    at(config.transformer_layers_per_block, level);
  return {
    ...sharedOptions(config, config.up_block_types[i]!, i),
    layers: layersAt(config, level) + 1,
    temb,
    context,
    transformer: transformerAt(config, level, layersOf),
    resample: i < last,
  };
}

/** The reference takes head widths in the order of the way down on the way up, too. */
function sharedOptions(config: Config, type: string, i: number) {
  const resnet = resnetOptions(config);
  return {
    resnet: type.startsWith("Resnet")
      ? {
        ...resnet,
        skipTimeActivation: config.resnet_skip_time_act,
        outputScale: config.resnet_out_scale_factor,
      }
      : resnet,
    headChannels: at(config.attention_head_dim, i),
  };
}
