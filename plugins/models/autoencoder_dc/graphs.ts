import type { FrozenConfig } from "@denoise/core";
import { glumbConv, linearAttention } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  concat,
  conv2d,
  linear,
  mean,
  pixelUnshuffle,
  reshape,
  reshapeLike,
  rmsNorm,
  transpose,
  upsampleNearest,
} from "@denoise/onnx/nn";
import type { AutoencoderDCConfig, BlockType } from "./config.ts";

type Config = FrozenConfig<AutoencoderDCConfig>;

/** Images [N, 3, H, W] to latents [N, latent_channels, h, w]. */
export function encode(s: Scope, config: Config, image: Value): Value {
  const { encoder_layers_per_block: layers, latent_channels, attention_head_dim } = config;
  const { encoder_block_out_channels: channels } = config;
  const unshuffles = config.downsample_block_type === "pixel_unshuffle";
  let x = layers[0]! > 0
    ? conv2d(s.at("conv_in"), image, { padding: 1 })
    : shrink(s.at("conv_in"), image, { unshuffles, hasShortcut: false });
  for (const [i, count] of layers.entries()) {
    const level = s.at("down_blocks", i);
    for (let n = 0; n < count; n++) {
      x = block(level.at(n), x, {
        type: ofLevel<BlockType>(config.encoder_block_types, i),
        act: "silu",
        headWidth: attention_head_dim,
        kernels: config.encoder_qkv_multiscales[i]!,
      });
    }
    if (i < layers.length - 1 && count > 0) {
      x = shrink(level.at(count), x, { unshuffles, hasShortcut: true });
    }
  }
  const out = conv2d(s.at("conv_out"), x, { padding: 1 });
  if (!config.encoder_out_shortcut) return out;
  return add(s, out, averageChannels(s, x, { from: channels.at(-1)!, to: latent_channels }, out));
}

/** Latents [N, latent_channels, h, w] to images [N, 3, H, W]. */
export function decode(s: Scope, config: Config, latents: Value): Value {
  const { decoder_layers_per_block: layers, decoder_block_out_channels: channels } = config;
  const { latent_channels, attention_head_dim } = config;
  const interpolates = config.upsample_block_type === "interpolate";
  let x = conv2d(s.at("conv_in"), latents, { padding: 1 });
  if (config.decoder_in_shortcut) {
    const times = Math.floor(channels.at(-1)! / latent_channels);
    x = add(s, x, repeatChannels(s, latents, latent_channels, times));
  }
  for (const [i, count] of [...layers.entries()].reverse()) {
    const level = s.at("up_blocks", i);
    const enlarges = i < layers.length - 1 && count > 0;
    if (enlarges) x = enlarge(level.at(0), x, { interpolates, hasShortcut: true });
    for (let n = 0; n < count; n++) {
      x = block(level.at(n + Number(enlarges)), x, {
        type: ofLevel<BlockType>(config.decoder_block_types, i),
        act: ofLevel<string>(config.decoder_act_fns, i),
        headWidth: attention_head_dim,
        kernels: config.decoder_qkv_multiscales[i]!,
      });
    }
  }
  const normal = channelNorm(s.at("norm_out"), x);
  const active = activation(s, normal, config.decoder_conv_act_fn);
  return layers[0]! > 0
    ? conv2d(s.at("conv_out"), active, { padding: 1 })
    : enlarge(s.at("conv_out"), active, { interpolates, hasShortcut: false });
}

/** What an option says of a level, where it says one thing of all or one of each. */
function ofLevel<T extends string>(value: T | readonly T[], level: number): T {
  return typeof value === "string" ? value : value[level]!;
}

interface BlockOptions {
  readonly type: BlockType;
  readonly act: string;
  readonly headWidth: number;
  readonly kernels: readonly number[];
}

function block(s: Scope, x: Value, { type, act, headWidth, kernels }: BlockOptions): Value {
  if (type === "EfficientViTBlock") {
    const seen = multiscaleAttention(s.at("attn"), x, { headWidth, kernels });
    const fed = glumbConv(s.at("conv_out"), seen);
    return add(s, channelNorm(s.at("conv_out.norm"), fed), seen);
  }
  const hidden = activation(s, conv2d(s.at("conv1"), x, { padding: 1 }), act);
  const out = conv2d(s.at("conv2"), hidden, { padding: 1, bias: false });
  return add(s, channelNorm(s.at("norm"), out), x);
}

/** RMS normalization over the channels of [N, C, H, W], with a bias. */
function channelNorm(s: Scope, x: Value): Value {
  const last = rmsNorm(s, transpose(s, x, [0, 2, 3, 1]), { eps: 1e-5 }); // [N, H, W, C]
  return transpose(s, add(s, last, s.tensor("bias")), [0, 3, 1, 2]);
}

/**
 * Linear attention whose queries, keys and values are seen through wider kernels too
 * (`SanaMultiscaleLinearAttention`), added to the image.
 */
function multiscaleAttention(
  s: Scope,
  x: Value,
  { headWidth, kernels }: Pick<BlockOptions, "headWidth" | "kernels">,
): Value {
  const inner = s.shape("to_q.weight")[0]!;
  const heads = inner / headWidth;
  const pixels = transpose(s, x, [0, 2, 3, 1]); // [N, H, W, C]
  const parts = ["to_q", "to_k", "to_v"].map((name) => linear(s.at(name), pixels, { bias: false }));
  const joined = transpose(s, concat(s, parts, 3), [0, 3, 1, 2]); // [N, 3·inner, H, W]
  const scales = kernels.map((kernel, i) => {
    const at = s.at("to_qkv_multiscale", i);
    const around = { padding: Math.floor(kernel / 2), groups: 3 * inner, bias: false };
    const wide = conv2d(at.at("proj_in"), joined, around);
    return conv2d(at.at("proj_out"), wide, { groups: 3 * heads, bias: false });
  });
  const all = concat(s, [joined, ...scales], 1);
  const groups = heads * (1 + kernels.length);
  const rows = reshape(s, all, [0, groups, 3, headWidth, -1]); // [N, groups, 3, width, H·W]
  const tokens = transpose(s, rows, [2, 0, 1, 4, 3]); // [3, N, groups, H·W, width]
  const [query, key, value] = [0, 1, 2].map((i) =>
    s.op("Gather", [tokens, s.scalar(i, "int64")], { axis: 0 }, { dtype: tokens.dtype })
  ) as [Value, Value, Value];
  const seen = linearAttention(s, { query, key, value }); // [N, groups, H·W, width]
  const flat = reshape(s, transpose(s, seen, [0, 2, 1, 3]), [0, -1, groups * headWidth]);
  const out = reshapeLike(s, linear(s.at("to_out"), flat, { bias: false }), pixels);
  const normal = add(
    s,
    rmsNorm(s.at("norm_out"), out, { eps: 1e-5 }),
    s.at("norm_out").tensor("bias"),
  );
  return add(s, transpose(s, normal, [0, 3, 1, 2]), x);
}

/** Halves height and width (`DCDownBlock2d`). */
function shrink(
  s: Scope,
  x: Value,
  { unshuffles, hasShortcut }: { readonly unshuffles: boolean; readonly hasShortcut: boolean },
): Value {
  const [made, channels] = s.shape("conv.weight") as [number, number];
  const convolved = conv2d(s.at("conv"), x, { padding: 1, stride: unshuffles ? 1 : 2 });
  const small = unshuffles
    ? pixelUnshuffle(s, convolved, { channels: made, factor: 2 })
    : convolved;
  if (!hasShortcut) return small;
  const to = unshuffles ? 4 * made : made;
  const unshuffled = pixelUnshuffle(s, x, { channels, factor: 2 });
  return add(
    s,
    small,
    averageChannels(s, unshuffled, { from: 4 * channels, to }, small),
  );
}

/** Doubles height and width (`DCUpBlock2d`). */
function enlarge(
  s: Scope,
  x: Value,
  { interpolates, hasShortcut }: { readonly interpolates: boolean; readonly hasShortcut: boolean },
): Value {
  const [made, channels] = s.shape("conv.weight") as [number, number];
  const large = interpolates
    ? conv2d(s.at("conv"), upsampleNearest(s, x), { padding: 1 })
    : pixelShuffle(s, conv2d(s.at("conv"), x, { padding: 1 }));
  if (!hasShortcut) return large;
  const out = interpolates ? made : made / 4;
  const times = Math.floor(4 * out / channels);
  return add(s, large, pixelShuffle(s, repeatChannels(s, x, channels, times)));
}

/** Channels as pixels: [N, 4·C, H, W] to [N, C, 2·H, 2·W], as torch's `pixel_shuffle`. */
function pixelShuffle(s: Scope, x: Value): Value {
  return s.op("DepthToSpace", [x], { blocksize: 2, mode: "CRD" });
}

/** Each channel `times` times in a row. */
function repeatChannels(s: Scope, x: Value, channels: number, times: number): Value {
  if (times === 1) return x;
  return pickChannels(
    s,
    x,
    Array.from({ length: channels * times }, (_, i) => Math.floor(i / times)),
  );
}

function pickChannels(s: Scope, x: Value, order: readonly number[]): Value {
  return s.op("Gather", [x, s.ints(order)], { axis: 1 }, { dtype: x.dtype });
}

/** Means of neighbouring channels: [N, from, H, W] to [N, to, H, W]. */
function averageChannels(
  s: Scope,
  x: Value,
  { from, to }: { readonly from: number; readonly to: number },
  like: Value,
): Value {
  if (from === to) return x;
  const groups = reshape(s, x, [0, to, Math.floor(from / to), -1]); // [N, to, group, H·W]
  return reshapeLike(s, mean(s, groups, [2]), like);
}
