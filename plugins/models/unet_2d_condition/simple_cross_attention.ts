import { type Context, type CrossNorm, headCount, normalizedStates } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  concat,
  fromTokens,
  groupNorm,
  linear,
  shapeOf,
  toTokens,
} from "@denoise/onnx/nn";

/** Options of {@linkcode simpleCrossAttention}. */
export interface SimpleCrossAttentionOptions {
  /** Text states, [N, tokens, D]. */
  readonly context: Context;
  /** Channels of a head. */
  readonly headChannels: number;
  /** Groups of the normalization. */
  readonly groups: number;
  /** How the text's states are normalized; not when null. */
  readonly crossNorm: CrossNorm;
  /** Whether pixels look at the text alone (`only_cross_attention`). */
  readonly onlyText: boolean;
}

/**
 * Attention of pixels to text and to each other at once, without a feed forward: keys and values of the
 * text, by projections of their own, stand before those of the pixels (`AttnAddedKVProcessor`). Where
 * there are no projections for the pixels, it looks at the text alone.
 *
 * @param x [N, C, H, W].
 */
export function simpleCrossAttention(
  s: Scope,
  x: Value,
  { context, headChannels, groups, crossNorm, onlyText }: SimpleCrossAttentionOptions,
): Value {
  const text = normalizedStates(s, context, crossNorm); // [N, tokens, D]
  const pixels = toTokens(
    s,
    groupNorm(s.at("group_norm"), x, { groups }),
    s.shape("to_q.weight")[1],
  ); // [N, H·W, C]
  const seesPixels = !onlyText;
  const joined = (ofText: string, ofPixels: string) => {
    const projected = linear(s.at(ofText), text);
    return seesPixels ? concat(s, [projected, linear(s.at(ofPixels), pixels)], 1) : projected;
  };
  const inputs = {
    query: linear(s.at("to_q"), pixels),
    key: joined("add_k_proj", "to_k"), // [N, tokens + H·W, C]
    value: joined("add_v_proj", "to_v"),
  };
  // The reference takes either mask for one of the text (UnCLIP gives attention_mask).
  const mask = context.selfBias ?? context.keyBias;
  const keyBias = mask === undefined || !seesPixels ? mask : withPixels(s, mask, pixels);
  const heads = headCount(s, headChannels);
  const seen = linear(s.at("to_out.0"), attention(s, inputs, { heads, keyBias }));
  return add(s, fromTokens(s, seen, x), x);
}

/** A bias of the text's keys, and none of the pixels': [N, 1, 1, tokens + H·W]. */
function withPixels(s: Scope, bias: Value, pixels: Value): Value {
  const ends = concat(s, [s.ints([0, 0, 0, 0, 0, 0, 0]), shapeOf(s, pixels, 1, 2)], 0);
  return s.op("Pad", [bias, ends]);
}
