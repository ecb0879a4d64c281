import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  conv2d,
  div,
  embedding,
  groupNorm,
  mul,
  sinusoidalEmbedding,
  sub,
  unsqueeze,
} from "../nn/mod.ts";
import { downBlock } from "./down_block.ts";
import { isKBlock, kDownBlock, kUpBlock } from "./k_blocks.ts";
import { midBlock } from "./mid_block.ts";
import type { ResnetOptions } from "./resnet_block.ts";
import {
  skipDownBlock,
  skipDownTypes,
  skipUpBlock,
  skipUpTypes,
  usualGroups,
} from "./skip_blocks.ts";
import { fourierEmbedding, timestepEmbedding } from "./timestep_embedding.ts";
import { upBlock } from "./up_block.ts";

/** Options of a UNet2DModel, as they stand in config.json. */
export interface UNet2DConfig {
  /** Height and width it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Channels of the sample. */
  readonly in_channels: number;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Whether the sample is brought from 0..1 to -1..1 first. */
  readonly center_input_sample: boolean;
  /** How the timestep becomes a vector: sines, random frequencies or a learned table. */
  readonly time_embedding_type: "positional" | "fourier" | "learned";
  /** Width of the time embedding. Defaults to four times the first level's channels. */
  readonly time_embedding_dim: number | null;
  /** Taken from the number of frequencies in the time embedding: 1 as in DDPM, 0 elsewhere. */
  readonly freq_shift: number;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block in the middle, by its class name; none when null. */
  readonly mid_block_type: "UNetMidBlock2D" | null;
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level in the down blocks; one more in the up blocks. */
  readonly layers_per_block: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What halves the size: a convolution, or a residual block. */
  readonly downsample_type: "conv" | "resnet";
  /** What doubles the size: a convolution, or a residual block. */
  readonly upsample_type: "conv" | "resnet";
  /** Used in training alone. */
  readonly dropout: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Channels of an attention head; all of a level's when null. */
  readonly attention_head_dim: number | null;
  /** Groups of each normalisation; from the channels when null, where levels are Skip or K blocks. */
  readonly norm_num_groups: number | null;
  /** Groups of the normalisation before an attention; `norm_num_groups` when null. */
  readonly attn_norm_num_groups: number | null;
  /** Added to the variance in each normalisation. */
  readonly norm_eps: number;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Whether the middle has attention. */
  readonly add_attention: boolean;
  /** How a class label becomes a vector; by a table when only `num_class_embeds` is given. */
  readonly class_embed_type: "timestep" | "identity" | null;
  /** Number of classes; no labels are taken when null. */
  readonly num_class_embeds: number | null;
  /** Rows of a learned time embedding. */
  readonly num_train_timesteps: number | null;
}

/** A block's class name without the prefix of old configs: `UNetResDownBlock2D` is `DownBlock2D`. */
export function blockName(type: string): string {
  return type.replace(/^UNetRes/, "");
}

/** Width of the time embedding. */
export function unet2dTimeWidth(config: UNet2DConfig): number {
  return config.time_embedding_dim || config.block_out_channels[0]! * 4;
}

/**
 * A noisy image and the time to a prediction (`UNet2DModel`).
 *
 * @param inputs `sample` [N, C, H, W], `timestep` [N], and `class_labels` where the model has classes.
 * @returns [N, C', H, W].
 */
export function unet2d(
  s: Scope,
  config: UNet2DConfig,
  { sample, timestep, class_labels }: Readonly<Record<string, Value>>,
): Value {
  const channels = config.block_out_channels;

  // time and class
  let temb = timestepEmbedding(s.at("time_embedding"), timeProjection(s, config, timestep!));
  if (class_labels !== undefined) {
    temb = add(s, temb, classEmbedding(s, config, class_labels));
  }

  // in
  const centred = config.center_input_sample ? sub(s, mul(s, sample!, 2), 1) : sample!;
  let x = conv2d(s.at("conv_in"), centred, { padding: 1 }); // [N, C, H, W]

  // down
  const skips: (Value | undefined)[] = [x];
  let image: Value | undefined = centred;
  for (const i of channels.keys()) {
    const level = down(s.at("down_blocks", i), config, i, { x, image }, temb);
    ({ x, image } = level);
    skips.push(...level.skips);
  }

  // middle
  if (config.mid_block_type !== null) {
    const resnet = resnetOptions(config, channels.at(-1)!);
    x = midBlock(s.at("mid_block"), x, {
      resnet: { ...resnet, outputScale: config.mid_block_scale_factor },
      temb,
      headChannels: config.add_attention ? config.attention_head_dim : undefined,
      attentionGroups: config.attn_norm_num_groups ?? undefined,
    });
  }

  // up
  image = undefined;
  for (const i of channels.keys()) {
    ({ x, image } = up(s.at("up_blocks", i), config, i, { x, image }, skips, temb));
  }

  // out
  const { groups, eps } = resnetOptions(config, channels[0]!);
  x = groupNorm(s.at("conv_norm_out"), x, { groups, eps, activation: "silu" });
  x = conv2d(s.at("conv_out"), x, { padding: 1 });
  if (image !== undefined) x = add(s, x, image);
  return config.time_embedding_type === "fourier"
    ? div(s, x, unsqueeze(s, s.cast(timestep!), [1, 2, 3]))
    : x;
}

/** The states of a level, and the image that Skip blocks take along. */
interface State {
  readonly x: Value;
  readonly image: Value | undefined;
}

/** Options of residual blocks; the groups follow from these channels where the config names none. */
function resnetOptions(config: UNet2DConfig, channels: number): ResnetOptions {
  return {
    groups: config.norm_num_groups ?? usualGroups(channels),
    eps: config.norm_eps,
    activation: config.act_fn,
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

/** What levels of all kinds are given; `i` counts in the direction that they follow each other. */
function levelOptions(config: UNet2DConfig, i: number, channels: number, temb: Value) {
  return {
    resnet: resnetOptions(config, channels),
    temb,
    headChannels: config.attention_head_dim,
    resample: i < config.block_out_channels.length - 1,
    channels,
  };
}

/** Level `i` in the down blocks. */
function down(s: Scope, config: UNet2DConfig, i: number, { x, image }: State, temb: Value) {
  const type = blockName(config.down_block_types[i]!);
  const layers = config.layers_per_block;
  const options = { ...levelOptions(config, i, config.block_out_channels[i]!, temb), layers };
  if (skipDownTypes.includes(type)) return skipDownBlock(s, type, x, image!, options);
  if (isKBlock(type)) {
    return { ...kDownBlock(s, type, x, { ...options, selfAttention: false }), image };
  }
  const level = downBlock(s, type, x, {
    ...options,
    resampleType: type === "AttnDownBlock2D" ? config.downsample_type : "conv",
    downsamplePadding: config.downsample_padding,
  });
  return { ...level, image };
}

/** Level `i` in the up blocks; level 0 is the one that the down blocks ended with. */
function up(
  s: Scope,
  config: UNet2DConfig,
  i: number,
  { x, image }: State,
  skips: (Value | undefined)[],
  temb: Value,
): State {
  const type = blockName(config.up_block_types[i]!);
  const layers = config.layers_per_block + 1;
  const options = {
    ...levelOptions(config, i, config.block_out_channels.at(-1 - i)!, temb),
    layers,
  };
  if (skipUpTypes.includes(type)) return skipUpBlock(s, type, x, skips, image, options);
  if (isKBlock(type)) {
    return { x: kUpBlock(s, type, x, skips, { ...options, selfAttention: false }), image };
  }
  const resampleType = type === "AttnUpBlock2D" ? config.upsample_type : "conv";
  return { x: upBlock(s, type, x, skips, { ...options, resampleType }), image };
}

function timeProjection(s: Scope, config: UNet2DConfig, timestep: Value): Value {
  const projection = s.at("time_proj");
  switch (config.time_embedding_type) {
    case "fourier":
      return fourierEmbedding(projection, timestep, { log: true, flipSinToCos: false });
    case "learned":
      return embedding(projection, s.cast(timestep, "int64"));
    default:
      return sinusoidalEmbedding(projection, timestep, {
        width: config.block_out_channels[0]!,
        flipSinToCos: config.flip_sin_to_cos,
        downscaleFreqShift: config.freq_shift,
      });
  }
}

function classEmbedding(s: Scope, config: UNet2DConfig, labels: Value): Value {
  const module = s.at("class_embedding");
  switch (config.class_embed_type) {
    case "timestep":
      return timestepEmbedding(module, timeProjection(s, config, labels));
    case "identity":
      return labels;
    default:
      return embedding(module, labels);
  }
}
