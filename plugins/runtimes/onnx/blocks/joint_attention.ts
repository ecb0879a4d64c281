import type { Scope, Value } from "../graph/mod.ts";
import {
  attention,
  concat,
  linear,
  reshape,
  rmsNorm,
  type Rotary,
  rotate,
  type RotateOptions,
  splitLike,
} from "../nn/mod.ts";

/** Queries, keys and values of the tokens of one stream, each [N, tokens, heads·width]. */
export interface Projected {
  /** [N, tokens, heads·width]. */
  readonly query: Value;
  /** [N, tokens, heads·width]. */
  readonly key: Value;
  /** [N, tokens, heads·width]. */
  readonly value: Value;
}

/** Options of {@linkcode projectHeads}. */
export interface ProjectHeadsOptions {
  /** How many heads. */
  readonly heads: number;
  /** How many heads keys and values have. Defaults to `heads`. */
  readonly keyHeads?: number | undefined;
  /** Names of the three linear layers. Defaults to `to_q`, `to_k` and `to_v`. */
  readonly names?: readonly [query: string, key: string, value: string] | undefined;
  /** Whether these have biases. Defaults to true. */
  readonly bias?: boolean | undefined;
  /** Names of the RMS normalizations of queries and keys; null for none. Defaults to `norm_q` and `norm_k`. */
  readonly norms?: readonly [query: string, key: string] | null | undefined;
  /** Whether each head is normalized by itself, or all of them as one. Defaults to `"head"`. */
  readonly normalized?: "head" | "across" | undefined;
  /** Added to the mean square of the normalizations. Defaults to 1e-6. */
  readonly eps?: number | undefined;
  /** Whether the normalizations multiply with 1 + weight. Defaults to false. */
  readonly plusOne?: boolean | undefined;
}

/**
 * The projections before an attention, queries and keys normalized.
 *
 * @param x [N, tokens, C].
 */
export function projectHeads(s: Scope, x: Value, options: ProjectHeadsOptions): Projected {
  const { names = ["to_q", "to_k", "to_v"], norms = ["norm_q", "norm_k"], bias } = options;
  const { heads, keyHeads = heads } = options;
  const [query, key, value] = names.map((name) => linear(s.at(name), x, { bias })) as [
    Value,
    Value,
    Value,
  ];
  if (norms === null) return { query, key, value };
  return {
    query: headNorm(s.at(norms[0]), query, options),
    key: headNorm(s.at(norms[1]), key, { ...options, heads: keyHeads }),
    value,
  };
}

/** RMS normalization of each head, or over all heads. */
export function headNorm(
  s: Scope,
  x: Value,
  { heads, normalized = "head", eps = 1e-6, plusOne }: Pick<
    ProjectHeadsOptions,
    "heads" | "normalized" | "eps" | "plusOne"
  >,
): Value {
  if (normalized === "across") return rmsNorm(s, x, { eps, plusOne });
  const split = reshape(s, x, [0, 0, heads, -1]); // [N, tokens, heads, width]
  return reshape(s, rmsNorm(s, split, { eps, plusOne }), [0, 0, -1]);
}

/** Names, in the attention of text and image, of the parts of each: the text comes first. */
export const JOINT_STREAMS = [
  {
    names: ["add_q_proj", "add_k_proj", "add_v_proj"],
    norms: ["norm_added_q", "norm_added_k"],
    out: "to_add_out",
  },
  {
    names: ["to_q", "to_k", "to_v"],
    norms: ["norm_q", "norm_k"],
    out: "to_out.0",
  },
] as const;

/** Options of {@linkcode jointAttention}. */
export interface JointAttentionOptions {
  /** How many heads. */
  readonly heads: number;
  /** Positions of all tokens, those of the first stream first. */
  readonly rotary?: Rotary | undefined;
  /** Which channels of a head are turned together. Defaults to `"interleaved"`. */
  readonly pairs?: RotateOptions["pairs"] | undefined;
  /** Added to the scores before the softmax, [N or 1, heads or 1, tokens, tokens]. */
  readonly bias?: Value | undefined;
  /** Keys, turned already, and values that are attended to beside those of the streams. */
  readonly beside?: Pick<Projected, "key" | "value"> | undefined;
  /** Is given the keys, turned, and values of all streams. */
  readonly keep?: ((kept: Pick<Projected, "key" | "value">) => void) | undefined;
}

/**
 * Attention of streams with weights of their own as if they were one row of tokens (MM-DiT: Esser et
 * al., 2024, arXiv:2403.03206). Gives what each stream sees, [N, tokens of it, heads·width].
 */
export function jointAttention(
  s: Scope,
  streams: readonly Projected[],
  { heads, rotary, pairs = "interleaved", bias, beside, keep }: JointAttentionOptions,
): Value[] {
  const joined = (part: keyof Projected) =>
    streams.length === 1 ? streams[0]![part] : concat(s, streams.map((stream) => stream[part]), 1);
  const turned = (x: Value) => rotary === undefined ? x : rotate(s, x, rotary, { heads, pairs });
  const own = { key: turned(joined("key")), value: joined("value") };
  keep?.(own);
  const seen = attention(s, {
    query: turned(joined("query")),
    key: beside === undefined ? own.key : concat(s, [own.key, beside.key], 1),
    value: beside === undefined ? own.value : concat(s, [own.value, beside.value], 1),
  }, { heads, bias });
  if (streams.length === 1) return [seen];
  return splitLike(s, seen, streams.map(({ value }) => value), 1);
}
