import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  div,
  fromTokens,
  groupNorm,
  layerNorm,
  linear,
  mul,
  sum,
  toTokens,
  transpose,
  unsqueeze,
  where,
} from "../nn/mod.ts";
import type { Context } from "./image_projection.ts";
import { spatialNorm } from "./norm.ts";

/** Options of {@linkcode attentionLayer}. */
export interface AttentionLayerOptions {
  /** How many heads. */
  readonly heads: number;
  /** Whether queries, keys and values have a bias. Defaults to true. */
  readonly bias?: boolean | undefined;
  /** Whether the result has its bias added. Defaults to true. */
  readonly outBias?: boolean | undefined;
  /** How the states that it looks at are normalized (`cross_attention_norm`). Not by default. */
  readonly crossNorm?: CrossNorm | undefined;
  /**
   * True for the rows in which each token attends to itself alone: an identity in the place of the
   * attention map, as in perturbed-attention guidance (arXiv:2403.17377), [N]. In none by default.
   */
  readonly perturbed?: Value | undefined;
}

/** How an attention normalizes the states that it looks at. */
export type CrossNorm = "layer_norm" | "group_norm" | null;

/**
 * Attention of tokens to a context (`Attention`): queries from `x`, keys and values from `context`.
 * Where an IP-Adapter has keys and values of its own, what it sees in its images is added.
 *
 * @param x [N, tokens, C].
 * @param context [N, tokens', C'].
 * @returns [N, tokens, C].
 */
export function attentionLayer(
  s: Scope,
  x: Value,
  context: Context,
  { heads, bias, outBias, crossNorm = null, perturbed }: AttentionLayerOptions,
): Value {
  const other = normalizedStates(s, context, crossNorm);
  const query = linear(s.at("to_q"), x, { bias });
  const key = linear(s.at("to_k"), other, { bias });
  const value = linear(s.at("to_v"), other, { bias });
  const attended = attention(s, { query, key, value }, { heads, keyBias: context.keyBias });
  const own = perturbed === undefined
    ? attended
    : where(s, unsqueeze(s, perturbed, [1, 2]), value, attended);
  const seen = attendImages(s, own, query, context.images ?? [], { heads, bias: false });
  return linear(s.at("to_out.0"), seen, { bias: outBias });
}

/**
 * Adds what queries see in the images of each IP-Adapter, by keys and values of its own.
 *
 * @param s The attention.
 * @param x [N, tokens, C].
 * @param query [N, tokens, C].
 * @param images For each IP-Adapter [N, tokens', D].
 * @param options.bias Whether keys and values have biases.
 */
export function attendImages(
  s: Scope,
  x: Value,
  query: Value,
  images: readonly Value[],
  { heads, bias }: { readonly heads: number; readonly bias: boolean },
): Value {
  const adapter = s.at("processor");
  return images.reduce((sum, image, i) => {
    const key = linear(adapter.at("to_k_ip", i), image, { bias });
    const value = linear(adapter.at("to_v_ip", i), image, { bias });
    const seen = attention(s, { query, key, value }, { heads });
    return add(s, sum, mul(s, seen, adapter.tensor(`scale.${i}`)));
  }, x);
}

/** The states that an attention looks at, normalized by its `norm_cross`. */
export function normalizedStates(s: Scope, context: Context, crossNorm: CrossNorm): Value {
  if (crossNorm === null) return context;
  const norm = s.at("norm_cross");
  if (crossNorm === "layer_norm") return layerNorm(norm, context);
  const columns = transpose(s, context, [0, 2, 1]); // [N, D, tokens]
  return transpose(s, groupNorm(norm, columns, { groups: 32, spatial: 1 }), [0, 2, 1]);
}

/** Options of {@linkcode attentionBlock}. */
export interface AttentionBlockOptions {
  /** How many heads. */
  readonly heads: number;
  /** Groups of the normalization; none when null. */
  readonly groups: number | null;
  /** Added to the variance. */
  readonly eps: number;
  /** What the result is divided by. Defaults to 1. */
  readonly outputScale?: number | undefined;
  /** Latents [N, C', h, w] that scale and shift in a spatial normalization. */
  readonly latents?: Value | undefined;
  /** {@linkcode AttentionLayerOptions.perturbed}. */
  readonly perturbed?: Value | undefined;
}

/**
 * Self-attention between the pixels of an image, with normalization and residual connection: the
 * attention of autoencoders and unconditional UNets.
 *
 * @param x [N, C, H, W].
 */
export function attentionBlock(s: Scope, x: Value, options: AttentionBlockOptions): Value {
  const { heads, groups, eps, outputScale = 1, latents, perturbed } = options;
  const normal = latents !== undefined
    ? spatialNorm(s.at("spatial_norm"), x, latents)
    : groups !== null
    ? groupNorm(s.at("group_norm"), x, { groups, eps })
    : x;
  const tokens = toTokens(s, normal, s.shape("to_q.weight")[1]); // [N, H·W, C]
  const own = attentionLayer(s, tokens, tokens, { heads, perturbed });
  const attended = fromTokens(s, own, x); // [N, C, H, W]
  const whole = sum(s, attended, x);
  return outputScale === 1 ? whole : div(s, whole, outputScale);
}

/** Today's name of an attention's tensor in a checkpoint from before diffusers 0.17. */
export function todaysAttentionName(stored: string): string {
  return stored
    .replace(/(attentions\.\d+)\.query\./, "$1.to_q.")
    .replace(/(attentions\.\d+)\.key\./, "$1.to_k.")
    .replace(/(attentions\.\d+)\.value\./, "$1.to_v.")
    .replace(/(attentions\.\d+)\.proj_attn\./, "$1.to_out.0.");
}
