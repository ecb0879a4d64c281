import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  channelRmsNorm,
  chunk,
  conv2d,
  frameConv2d,
  fromTokens,
  silu,
  toTokens,
  upsampleNearest,
} from "../nn/mod.ts";

/**
 * Two convolutions beside a shortcut, of an autoencoder of videos on one frame (`WanResidualBlock`).
 *
 * @param x [N, C, H, W].
 * @param widens Whether the channels become others.
 */
export function frameResidualBlock(s: Scope, x: Value, widens: boolean): Value {
  const convolved = (i: 1 | 2, of: Value) =>
    frameConv2d(s.at(`conv${i}`), silu(s, channelRmsNorm(s.at(`norm${i}`), of)), 1);
  const shortcut = widens ? frameConv2d(s.at("conv_shortcut"), x) : x;
  return add(s, convolved(2, convolved(1, x)), shortcut);
}

/** The middle of such an autoencoder: attention between two residual blocks (`WanMidBlock`). */
export function frameMidBlock(s: Scope, x: Value): Value {
  const first = frameResidualBlock(s.at("resnets.0"), x, false);
  return frameResidualBlock(
    s.at("resnets.1"),
    frameAttention(s.at("attentions.0"), first),
    false,
  );
}

/** Attention between the pixels of a frame, of one head (`WanAttentionBlock`). */
function frameAttention(s: Scope, x: Value): Value {
  const normal = channelRmsNorm(s.at("norm"), x);
  const channels = s.shape("proj.weight")[0]!;
  const tokens = toTokens(s, conv2d(s.at("to_qkv"), normal), 3 * channels); // [N, H·W, 3·C]
  const [query, key, value] = chunk(s, tokens, 3, -1) as [Value, Value, Value];
  const seen = fromTokens(s, attention(s, { query, key, value }, { heads: 1 }), x);
  return add(s, conv2d(s.at("proj"), seen), x);
}

/** Half as wide and high: [N, C, H/2, W/2]. */
export function frameDownsample(s: Scope, x: Value): Value {
  return conv2d(s.at("resample.1"), x, { stride: 2, padding: [0, 0, 1, 1] });
}

/** Twice as wide and high: [N, C', 2H, 2W]. */
export function frameUpsample(s: Scope, x: Value): Value {
  return conv2d(s.at("resample.1"), upsampleNearest(s, x), { padding: 1 });
}

/** What an encoder or a decoder ends with: `norm_out` and `conv_out`. */
export function frameEnd(s: Scope, x: Value): Value {
  return frameConv2d(s.at("conv_out"), silu(s, channelRmsNorm(s.at("norm_out"), x)), 1);
}

/** Levels of an encoder whose blocks, and what is between them, are one list. */
export interface FrameLevels {
  /** Channels before the first level. */
  readonly base: number;
  /** Channels of each level, from the image's size down. */
  readonly widths: readonly number[];
  /** Residual blocks of a level; one more in a decoder. */
  readonly blocks: number;
}

/** The levels `down_blocks` of an encoder (`WanEncoder3d`). */
export function frameDownLevels(s: Scope, x: Value, { base, widths, blocks }: FrameLevels): Value {
  let place = 0;
  const next = () => s.at("down_blocks", place++);
  let width = base;
  for (const [level, wanted] of widths.entries()) {
    for (let i = 0; i < blocks; i++) {
      x = frameResidualBlock(next(), x, width !== wanted);
      width = wanted;
    }
    if (level < widths.length - 1) x = frameDownsample(next(), x); // [N, C', H/2, W/2]
  }
  return x;
}

/** The levels `up_blocks` of a decoder, whose upsamplers halve the channels (`WanDecoder3d`). */
export function frameUpLevels(s: Scope, x: Value, { base, widths, blocks }: FrameLevels): Value {
  let width = base;
  for (const [level, wanted] of widths.toReversed().entries()) {
    const block = s.at("up_blocks", level);
    for (let i = 0; i <= blocks; i++) {
      x = frameResidualBlock(block.at("resnets", i), x, width !== wanted);
      width = wanted;
    }
    if (level === widths.length - 1) continue;
    x = frameUpsample(block.at("upsamplers.0"), x);
    width = Math.floor(wanted / 2);
  }
  return x;
}
