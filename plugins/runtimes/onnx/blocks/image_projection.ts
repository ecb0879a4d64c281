import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  concat,
  expand,
  gelu,
  layerNorm,
  linear,
  mul,
  reshape,
  shapeOf,
  unsqueeze,
} from "../nn/mod.ts";
import type { WatchAttention } from "./attention_block.ts";
import { modulate, modulation } from "./modulation.ts";
import { timestepEmbedding, timestepWaves } from "./timestep_embedding.ts";

/** Text states, and with them the tokens of images that attention looks at, too. */
export interface Context extends Value {
  /** Whether there is no text: attention looks at the pixels themselves once more. */
  readonly isPixels?: boolean | undefined;
  /** For each IP-Adapter [N, tokens, D]. */
  readonly images?: readonly Value[] | undefined;
  /**
   * Where the images of the IP-Adapter at a place of `images` count for the attention at a path, [1, images, H·W];
   * undefined where they count everywhere.
   */
  readonly imageMask?: ((path: string, adapter: number) => Value | undefined) | undefined;
  /** Added to the scores of each token, [N, 1, 1, tokens]. */
  readonly keyBias?: Value | undefined;
  /** Added to the scores of each pixel where pixels look at each other, [N, 1, 1, H·W]. */
  readonly selfBias?: Value | undefined;
  /**
   * True for the rows in which the self-attention at a path is perturbed, [N] (PAG); undefined where
   * it is in none.
   */
  readonly perturbed?: ((path: string) => Value | undefined) | undefined;
  /** For each row the one at whose pixels its own look, int64 [N] (Text2Video-Zero); at their own by default. */
  readonly attendedRows?: Value | undefined;
  /** Objects that pixels look at through gates, [N, objects, D] (GLIGEN); none by default. */
  readonly objects?: Value | undefined;
  /** Is given queries and keys of each self-attention. */
  readonly watch?: WatchAttention | undefined;
}

/** Linear layer, GELU, linear layer. */
function feedForward(s: Scope, x: Value, bias: boolean): Value {
  return linear(s.at("net.2"), gelu(s, linear(s.at("net.0.proj"), x, { bias })), { bias });
}

/**
 * A vector to several tokens (`ImageProjection`).
 *
 * @param x [N, width].
 * @returns [N, tokens, D].
 */
export function imageTokens(s: Scope, x: Value): Value {
  const width = s.shape("norm.weight")[0]!;
  const tokens = s.shape("image_embeds.weight")[0]! / width;
  const rows = reshape(s, linear(s.at("image_embeds"), x), [-1, tokens, width]);
  return layerNorm(s.at("norm"), rows);
}

/** Layers of a resampler, as the reference builds every one. */
const RESAMPLER_LAYERS = 4;

/** Learned queries look at the patches of an image (`IPAdapterPlusImageProjection`). */
function resample(s: Scope, x: Value): Value {
  const latents = s.tensor("latents"); // [1, queries, width]
  const count = concat(s, [shapeOf(s, x, 0, 1), s.ints([1, 1])], 0);
  return resampled(s, expand(s, latents, count), x);
}

/** Queries, [N, queries, width], that look at the patches of an image. */
function resampled(s: Scope, queries: Value, x: Value): Value {
  const patches = linear(s.at("proj_in"), x);
  let h = queries;
  const plain = { bias: false };
  for (let i = 0; i < RESAMPLER_LAYERS; i++) {
    const layer = s.at("layers", i);
    const attn = layer.at("attn");
    const own = layerNorm(layer.at("ln1"), h);
    const attended = resamplerAttention(attn, own, layerNorm(layer.at("ln0"), patches));
    h = add(s, linear(attn.at("to_out.0"), attended, plain), h);
    h = add(s, feedForward(layer.at("ff.1"), layerNorm(layer.at("ff.0"), h), false), h);
  }
  return layerNorm(s.at("norm_out"), linear(s.at("proj_out"), h));
}

/**
 * Learned queries look at the patches of an image at a time (`IPAdapterTimeImageProjection`).
 *
 * @param x [N, patches, width].
 * @param timestep float32 [N], 0..1000.
 */
export function resampleAtTime(
  s: Scope,
  x: Value,
  timestep: Value,
): { readonly tokens: Value; readonly time: Value } {
  const waves = timestepWaves(s, timestep, {
    width: s.shape("time_embedding.linear_1.weight")[1]!,
  });
  const time = timestepEmbedding(s.at("time_embedding"), waves); // [N, width]
  const count = concat(s, [shapeOf(s, x, 0, 1), s.ints([1, 1])], 0);
  const patches = add(s, linear(s.at("proj_in"), x), unsqueeze(s, time, [1]));
  let h = expand(s, s.tensor("latents"), count); // [N, queries, width]
  const plain = { bias: false };
  for (let i = 0; i < RESAMPLER_LAYERS; i++) {
    const layer = s.at("layers", i);
    const attn = layer.at("attn");
    const [shift, scale, shiftFf, scaleFf] = modulation(layer.at("adaln_proj"), time, 4) as [
      Value,
      Value,
      Value,
      Value,
    ];
    const own = modulate(layer, layerNorm(layer.at("ln1"), h), scale, shift);
    const attended = resamplerAttention(attn, own, layerNorm(layer.at("ln0"), patches));
    h = add(s, linear(attn.at("to_out.0"), attended, plain), h);
    const normal = modulate(layer, layerNorm(layer.at("adaln_norm"), h), scaleFf, shiftFf);
    h = add(s, feedForward(layer.at("ff"), normal, false), h);
  }
  return { tokens: layerNorm(s.at("norm_out"), linear(s.at("proj_out"), h)), time };
}

/** Queries look at patches and at themselves. */
function resamplerAttention(attn: Scope, own: Value, patches: Value): Value {
  const plain = { bias: false };
  const seen = concat(attn, [patches, own], 1);
  const query = linear(attn.at("to_q"), own, plain);
  const key = linear(attn.at("to_k"), seen, plain);
  const value = linear(attn.at("to_v"), seen, plain);
  const heads = attn.shape("to_q.weight")[0]! / 64; // always 64 channels a head
  return attention(attn, { query, key, value }, { heads });
}

/** A vector through a feed-forward part to several tokens. */
function spreadTokens(s: Scope, ff: string, x: Value): Value {
  const width = s.shape("norm.weight")[0]!;
  const rows = reshape(s, feedForward(s.at(ff), x, true), [
    -1,
    s.shape(`${ff}.net.2.weight`)[0]! / width,
    width,
  ]);
  return layerNorm(s.at("norm"), rows);
}

/**
 * The vector of a face to tokens that look at the patches of its image (`IPAdapterFaceIDPlusImageProjection`);
 * with a `shortcut_scale` what they find is added to them.
 */
function resampleFace(s: Scope, face: Value, patches: Value): Value {
  const tokens = spreadTokens(s, "proj", face);
  const seen = resampled(s, tokens, patches);
  if (!s.added("shortcut_scale")) return seen;
  return add(s, tokens, mul(s, seen, s.tensor("shortcut_scale")));
}

/** What an IP-Adapter is given of an image: its vector, the states of its patches, or of a face both. */
export type ImagePromptKind = "embeds" | "states" | "face" | "face and states";

/** What the image projection of an IP-Adapter takes. */
export function imagePromptKind(added: (name: string) => boolean): ImagePromptKind {
  if (added("image_embeds")) return "embeds";
  if (added("proj.net.2")) return "face and states";
  return added("face") ? "face" : "states";
}

/** Modules of the IP-Adapters that were added to a denoiser (`encoder_hid_proj`). */
export function imageProjections(added: (name: string) => boolean): string[] {
  const path = (i: number) => `encoder_hid_proj.image_projection_layers.${i}`;
  const paths: string[] = [];
  while (added(path(paths.length))) paths.push(path(paths.length));
  return paths;
}

/**
 * Images to tokens that attention looks at (`MultiIPAdapterImageProjection`).
 *
 * @param x [N, images, width], or [N, images, patches, width].
 * @param patches [N, images, patches, width] beside the vectors of faces.
 * @returns [N, images · tokens, D].
 */
export function imageProjection(s: Scope, x: Value, patches?: Value): Value {
  const kind = imagePromptKind((name) => s.added(name));
  const flatten = (x: Value) =>
    s.op("Reshape", [x, concat(s, [s.ints([-1]), shapeOf(s, x, 2)], 0)]); // [N·images, ...]
  const flat = flatten(x);
  const tokens = kind === "embeds"
    ? imageTokens(s, flat)
    : kind === "face"
    ? spreadTokens(s, "face", flat)
    : kind === "face and states"
    ? resampleFace(s, flat, flatten(patches!))
    : s.added("latents")
    ? resample(s, flat)
    : layerNorm(s.at("norm"), feedForward(s.at("ff"), flat, true));
  const dims = concat(s, [shapeOf(s, x, 0, 1), s.ints([-1]), shapeOf(s, tokens, 2)], 0);
  return s.op("Reshape", [tokens, dims]);
}
