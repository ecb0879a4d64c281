import type { Scope, Value } from "../graph/mod.ts";
import { checkKnown, checkLevels } from "../check_config.ts";
import { activation, conv2d, groupNorm } from "../nn/mod.ts";
import { attentionBlock } from "./attention_block.ts";
import { midBlock } from "./mid_block.ts";
import { spatialNorm } from "./norm.ts";
import { downsample, upsample } from "./resample.ts";
import { resnetBlock, type ResnetOptions } from "./resnet_block.ts";

/** What shapes encoder and decoder of an autoencoder, as it stands in config.json. */
export interface ImageCoderConfig {
  /** Block of each level of the encoder, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block of each level of the decoder, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level, from the image's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly layers_per_block: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Groups of each normalization. */
  readonly norm_num_groups: number;
  /** Whether the middle has attention. */
  readonly mid_block_add_attention: boolean;
}

/** Types of levels that {@linkcode imageEncoder} and {@linkcode imageDecoder} can build. */
const coderBlockTypes = {
  down_block_types: ["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"],
} as const;

/**
 * Refuses a config whose levels cannot be built.
 *
 * @throws {RangeError} for lists of different lengths.
 * @throws {DenoiseError} `unsupported_option` for a type that is not known.
 */
export function checkImageCoder(className: string, config: ImageCoderConfig): void {
  checkLevels(className, config, "block_out_channels", ["down_block_types", "up_block_types"]);
  checkKnown(className, config, coderBlockTypes);
}

/** The latents that normalize, where it is latents that do so. */
type Latents = Value | undefined;

function resnetOptions(config: ImageCoderConfig, latents?: Latents): ResnetOptions {
  return {
    groups: config.norm_num_groups,
    eps: 1e-6,
    activation: config.act_fn,
    timeScaleShift: latents === undefined ? "default" : "spatial",
  };
}

/** Residual blocks of a level, with attention of one head after each where its type says so. */
function level(s: Scope, input: Value, type: string, layers: number, options: {
  readonly config: ImageCoderConfig;
  readonly latents?: Latents;
}): Value {
  const { config, latents } = options;
  const resnet = resnetOptions(config, latents);
  let x = input;
  for (let i = 0; i < layers; i++) {
    x = resnetBlock(s.at("resnets", i), x, latents, resnet);
    if (type.startsWith("Attn")) {
      x = attentionBlock(s.at("attentions", i), x, { ...resnet, heads: 1, latents });
    }
  }
  return x;
}

function middle(s: Scope, x: Value, config: ImageCoderConfig, latents?: Latents): Value {
  return midBlock(s, x, {
    resnet: resnetOptions(config, latents),
    temb: latents,
    headChannels: config.mid_block_add_attention ? null : undefined,
  });
}

function end(s: Scope, x: Value, config: ImageCoderConfig, latents?: Latents): Value {
  const norm = s.at("conv_norm_out");
  const normal = latents === undefined
    ? groupNorm(norm, x, { groups: config.norm_num_groups, eps: 1e-6, activation: "silu" })
    : activation(s, spatialNorm(norm, x, latents), "silu");
  return conv2d(s.at("conv_out"), normal, { padding: 1 });
}

/**
 * An image to what its latents are made of (`Encoder` of an autoencoder).
 *
 * @param x [N, C, H, W].
 * @returns [N, C', h, w], half as wide and high for each level but the last.
 */
export function imageEncoder(s: Scope, image: Value, config: ImageCoderConfig): Value {
  const last = config.block_out_channels.length - 1;
  let x = conv2d(s.at("conv_in"), image, { padding: 1 }); // [N, C, H, W]
  for (const [i, type] of config.down_block_types.entries()) {
    const block = s.at("down_blocks", i);
    x = level(block, x, type, config.layers_per_block, { config });
    if (i < last) x = downsample(block.at("downsamplers.0"), x, 0); // [N, C', H/2, W/2]
  }
  return end(s, middle(s.at("mid_block"), x, config), config);
}

/**
 * Latents to an image (`Decoder` of an autoencoder).
 *
 * @param input [N, C, h, w].
 * @param latents What scales and shifts in spatial normalizations; undefined for plain ones.
 */
export function imageDecoder(
  s: Scope,
  input: Value,
  config: ImageCoderConfig,
  latents?: Value,
): Value {
  const last = config.block_out_channels.length - 1;
  let x = conv2d(s.at("conv_in"), input, { padding: 1 }); // [N, C, h, w]
  x = middle(s.at("mid_block"), x, config, latents);
  for (const [i, type] of config.up_block_types.entries()) {
    const block = s.at("up_blocks", i);
    x = level(block, x, type, config.layers_per_block + 1, { config, latents });
    if (i < last) x = upsample(block.at("upsamplers.0"), x); // [N, C', 2h, 2w]
  }
  return end(s, x, config, latents);
}
