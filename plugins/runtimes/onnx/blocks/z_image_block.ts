import type { Scope, Value } from "../graph/mod.ts";
import { linear, type Rotary, shapeOf } from "../nn/mod.ts";
import { gatedFeedForward } from "./feed_forward.ts";
import { jointAttention, projectHeads } from "./joint_attention.ts";
import { modulation } from "./modulation.ts";
import { sandwichBlock } from "./sandwich_block.ts";

/** Options of {@linkcode zImageBlock}. */
export interface ZImageBlockOptions {
  /** How many heads. */
  readonly heads: number;
  /** Added to the mean square of the normalizations around attention and feed forward. */
  readonly eps: number;
  /** Whether queries and keys are normalized. */
  readonly isNormed: boolean;
  /** Positions of the tokens. */
  readonly rotary: Rotary;
  /** Of the timestep, [N, at most 256]; none for blocks that are not modulated. */
  readonly temb?: Value | undefined;
}

/** The part of a config of Z-Image that its blocks read. */
export interface ZImageBlockConfig {
  /** How many heads. */
  readonly n_heads: number;
  /** Added to the mean square of the normalizations around attention and feed forward. */
  readonly norm_eps: number;
  /** Whether queries and keys are normalized. */
  readonly qk_norm: boolean;
}

/** The options of the blocks of a model with that config. */
export function zImageBlockOptions(
  { n_heads: heads, norm_eps: eps, qk_norm: isNormed }: ZImageBlockConfig,
  rotary: Rotary,
  temb?: Value,
): ZImageBlockOptions {
  return { heads, eps, isNormed, rotary, temb };
}

/** The first of some positions, as many as there are tokens [N, tokens, C]. */
export function firstPositions(s: Scope, { cos, sin }: Rotary, tokens: Value): Rotary {
  const ends = [s.ints([0]), shapeOf(s, tokens, 1, 2), s.ints([0])];
  return { cos: s.op("Slice", [cos, ...ends]), sin: s.op("Slice", [sin, ...ends]) };
}

/**
 * One block of Z-Image, modulated where there is a time (`ZImageTransformerBlock`).
 *
 * @param x [N, tokens, C].
 */
export function zImageBlock(
  s: Scope,
  x: Value,
  { heads, eps, isNormed, rotary, temb }: ZImageBlockOptions,
): Value {
  const attn = s.at("attention");
  return sandwichBlock(s, x, {
    norms: [
      s.at("attention_norm1"),
      s.at("attention_norm2"),
      s.at("ffn_norm1"),
      s.at("ffn_norm2"),
    ],
    vectors: temb === undefined
      ? []
      : modulation(s.at("adaLN_modulation.0"), temb, 4, { activate: false }),
    eps,
    attend(of) {
      const projected = projectHeads(attn, of, {
        heads,
        bias: false,
        norms: isNormed ? undefined : null,
        eps: 1e-5, // whatever the others add
      });
      const [seen] = jointAttention(attn, [projected], { heads, rotary }) as [Value];
      return linear(attn.at("to_out.0"), seen, { bias: false });
    },
    feed: (of) => gatedFeedForward(s.at("feed_forward"), of, { names: ["w1", "w3", "w2"] }),
  });
}
