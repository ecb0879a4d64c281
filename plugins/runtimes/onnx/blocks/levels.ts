import type { Scope, Value } from "../graph/mod.ts";
import type { LevelOptions } from "./down_block.ts";
import type { Context } from "./image_projection.ts";
import { crossAttentionMidBlock } from "./mid_block.ts";
import { resnetBlock, type ResnetOptions } from "./resnet_block.ts";

/** What shapes the levels of a conditional UNet or ControlNet, as it stands in config.json. */
export interface LevelsConfig {
  /** Height and width of the latents that it was made for; a ControlNet names none. */
  readonly sample_size?: number | readonly number[] | null;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level in the down blocks, for all or for each. */
  readonly layers_per_block: number | readonly number[];
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalization. */
  readonly norm_num_groups: number | null;
  /** Added to the variance in each normalization. */
  readonly norm_eps: number;
  /** Whether the first attention of a transformer looks at the text too, for each level. */
  readonly only_cross_attention: boolean | readonly boolean[];
  /** Transformer layers of an attention, for all levels or for each. */
  readonly transformer_layers_per_block: number | readonly (number | readonly number[])[];
  /** The number of attention heads, whatever its name says. */
  readonly attention_head_dim: number | readonly number[];
  /** Whether transformers project by a matrix in the place of a 1x1 convolution. */
  readonly use_linear_projection: boolean;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Whether residual blocks that resample take the time embedding without an activation. */
  readonly resnet_skip_time_act: boolean;
  /** What the sums of residual blocks that resample are divided by. */
  readonly resnet_out_scale_factor: number;
}

/** The same with the middle. */
export interface MiddleConfig extends LevelsConfig {
  /** Block in the middle, by its class name; none when null. */
  readonly mid_block_type: string | null;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
}

/** The same with the up blocks. */
export interface UpLevelsConfig extends LevelsConfig {
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Transformer layers in the up blocks; mirrored from the down blocks when null. */
  readonly reverse_transformer_layers_per_block: readonly (number | readonly number[])[] | null;
}

/** One value for every level, or a list of them, at a level. */
function at<T>(value: T | readonly T[], level: number): T {
  return Array.isArray(value) ? value[level] : value as T;
}

/** How many pixels the images that it was made for have at a level. */
function pixelsAt({ sample_size }: LevelsConfig, level: number): number | undefined {
  const [height, width = height] = [sample_size ?? []].flat();
  if (height === undefined || width === undefined) return undefined;
  return Math.ceil(height / 2 ** level) * Math.ceil(width / 2 ** level);
}

/** What all residual blocks have in common. */
export function resnetOptions(config: LevelsConfig): ResnetOptions {
  return {
    groups: config.norm_num_groups!,
    eps: config.norm_eps,
    activation: config.act_fn,
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

/** How many residual blocks a level in the down blocks has. */
export function layersAt(config: LevelsConfig, level: number): number {
  return at(config.layers_per_block, level);
}

/** Options of the transformers of a level, counted from the top on both ways. */
export function transformerAt(
  config: LevelsConfig,
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

/** Options of a level in the down blocks. */
export function downLevel(
  config: LevelsConfig,
  level: number,
  temb: Value,
  context: Context,
): LevelOptions & { readonly downsamplePadding: number } {
  return {
    ...sharedOptions(config, config.down_block_types[level]!, { i: level, level }),
    layers: layersAt(config, level),
    temb,
    context,
    transformer: transformerAt(config, level, at(config.transformer_layers_per_block, level)),
    resample: level < config.block_out_channels.length - 1,
    downsamplePadding: config.downsample_padding,
  };
}

/** Options of step `i` in the up blocks; step 0 is the level that the down blocks ended with. */
export function upLevel(
  config: UpLevelsConfig,
  i: number,
  temb: Value,
  context: Context,
): LevelOptions {
  const last = config.block_out_channels.length - 1;
  const level = last - i;
  const layersOf = config.reverse_transformer_layers_per_block?.[i] ??
    at(config.transformer_layers_per_block, level);
  return {
    ...sharedOptions(config, config.up_block_types[i]!, { i, level }),
    layers: layersAt(config, level) + 1,
    temb,
    context,
    transformer: transformerAt(config, level, layersOf),
    resample: i < last,
  };
}

/** The reference takes head widths in the order of the down blocks in the up blocks, too. */
function sharedOptions(
  config: LevelsConfig,
  type: string,
  { i, level }: { readonly i: number; readonly level: number },
) {
  const resnet = { ...resnetOptions(config), pixels: pixelsAt(config, level) };
  return {
    resnet: /^(Resnet|Simple)/.test(type)
      ? {
        ...resnet,
        skipTimeActivation: config.resnet_skip_time_act,
        outputScale: config.resnet_out_scale_factor,
      }
      : resnet,
    headChannels: at(config.attention_head_dim, i),
  };
}

/** What the residual blocks of the middle have in common. */
export function middleResnet(config: MiddleConfig): ResnetOptions {
  const channels = config.block_out_channels.at(-1)!;
  return {
    ...resnetOptions(config),
    pixels: pixelsAt(config, config.block_out_channels.length - 1),
    groups: config.norm_num_groups ?? Math.min(Math.floor(channels / 4), 32),
    outputScale: config.mid_block_scale_factor,
  };
}

/** The middle of a conditional UNet or ControlNet; it may have none. */
export function middleLevel(
  s: Scope,
  config: MiddleConfig,
  x: Value,
  temb: Value,
  context: Context,
): Value {
  if (config.mid_block_type === null) return x;
  const resnet = middleResnet(config);
  if (config.mid_block_type === "UNetMidBlock2D") {
    return resnetBlock(s.at("resnets.0"), x, temb, resnet);
  }
  const last = config.block_out_channels.length - 1;
  const layers = [config.transformer_layers_per_block].flat()[last] ??
    config.transformer_layers_per_block as number;
  const transformer = {
    ...transformerAt(config, last, layers)(0),
    groups: resnet.groups,
    onlyCrossAttention: false,
  };
  return crossAttentionMidBlock(s, x, temb, context, { resnet, transformer });
}
