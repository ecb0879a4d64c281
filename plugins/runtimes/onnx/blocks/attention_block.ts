import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  type AttentionMapInputs,
  concat,
  div,
  expand,
  fromTokens,
  groupNorm,
  layerNorm,
  linear,
  mul,
  shapeOf,
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
  /** For each row the one whose keys and values it has, int64 [N]; its own by default. */
  readonly rows?: Value | undefined;
  /** Is given the attention's queries and keys. */
  readonly watch?: WatchAttention | undefined;
}

/** Is given what an attention computes its map from. */
export type WatchAttention = (s: Scope, inputs: AttentionMapInputs) => void;

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
  { heads, bias, outBias, crossNorm = null, perturbed, rows, watch }: AttentionLayerOptions,
): Value {
  const other = normalizedStates(s, context, crossNorm);
  const query = linear(s.at("to_q"), x, { bias });
  const ofRows = (x: Value) => rows === undefined ? x : s.op("Gather", [x, rows], { axis: 0 });
  const key = ofRows(linear(s.at("to_k"), other, { bias }));
  const value = ofRows(linear(s.at("to_v"), other, { bias }));
  watch?.(s, { query, key, heads });
  const attended = attention(s, { query, key, value }, { heads, keyBias: context.keyBias });
  const own = perturbed === undefined
    ? attended
    : where(s, unsqueeze(s, perturbed, [1, 2]), value, attended);
  const seen = attendImages(s, own, query, context.images ?? [], {
    heads,
    bias: false,
    maskOf: (adapter) => context.imageMask?.(s.path, adapter),
  });
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
 * @param options.maskOf Where the images of an adapter count, [1, images, tokens]; everywhere by default.
 */
export function attendImages(
  s: Scope,
  x: Value,
  query: Value,
  images: readonly Value[],
  { heads, bias, maskOf }: {
    readonly heads: number;
    readonly bias: boolean;
    readonly maskOf?: ((adapter: number) => Value | undefined) | undefined;
  },
): Value {
  return images.reduce((sum, image, adapter) => {
    const options = { adapter, heads, bias };
    const mask = maskOf?.(adapter);
    const seen = mask === undefined
      ? seenInImages(s, query, image, options)
      : seenWhereMasked(s, query, image, { ...options, mask });
    return add(s, sum, seen);
  }, x);
}

interface ImageAttention {
  /** Which of the IP-Adapters. */
  readonly adapter: number;
  readonly heads: number;
  readonly bias: boolean;
}

function seenInImages(s: Scope, query: Value, image: Value, options: ImageAttention): Value {
  const adapter = s.at("processor");
  const scale = `scale.${options.adapter}`;
  if (adapter.shape(scale).length === 0) {
    return mul(s, attendImage(s, query, image, options), adapter.tensor(scale));
  }
  throw new TypeError(
    "Cannot scale each image of an IP-Adapter without masks that tell them apart: give " +
      "crossAttentionKwargs with ipAdapterMasks, or setIpAdapterScale one number",
  );
}

/** What queries see in the tokens of images, [N, tokens, C]. */
function attendImage(
  s: Scope,
  query: Value,
  image: Value,
  { adapter: i, heads, bias }: ImageAttention,
): Value {
  const adapter = s.at("processor");
  const key = linear(adapter.at("to_k_ip", i), image, { bias });
  const value = linear(adapter.at("to_v_ip", i), image, { bias });
  return attention(s, { query, key, value }, { heads });
}

/**
 * The same with each image looked at by itself, and counted where its mask says.
 *
 * @param image [N, images · tokens, D].
 * @param mask [1, images, H·W].
 */
function seenWhereMasked(
  s: Scope,
  query: Value,
  image: Value,
  { mask, ...options }: ImageAttention & { readonly mask: Value },
): Value {
  const adapter = s.at("processor");
  const [channels, width] = adapter.shape(`to_k_ip.${options.adapter}.weight`) as [number, number];
  const images = shapeOf(s, mask, 1, 2);
  const places = shapeOf(s, mask, 2, 3);
  const apart = s.op("Reshape", [
    image,
    concat(s, [s.ints([0]), images, s.ints([-1]), s.ints([width])], 0),
  ]); // [N, images, tokens, D]
  const rows = s.op("Reshape", [
    apart,
    concat(s, [s.ints([-1]), shapeOf(s, apart, 2)], 0),
  ]); // [N · images, tokens, D]
  const each = expand(
    s,
    unsqueeze(s, query, [1]),
    concat(s, [s.ints([1]), images, s.ints([1, 1])], 0),
  ); // [N, images, H·W, C]
  const queries = s.op("Reshape", [
    each,
    concat(s, [s.ints([-1]), places, s.ints([channels])], 0),
  ]);
  const seen = s.op("Reshape", [
    attendImage(s, queries, rows, options),
    concat(s, [s.ints([-1]), images, places, s.ints([channels])], 0),
  ]);
  const scales = s.op("Reshape", [
    adapter.tensor(`scale.${options.adapter}`),
    s.ints([1, -1, 1, 1]),
  ]);
  const counted = mul(s, mul(s, seen, unsqueeze(s, mask, [3])), scales);
  return s.op("ReduceSum", [counted, s.ints([1])], { keepdims: 0 });
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
