import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  attention,
  concat,
  expand,
  gelu,
  layerNorm,
  linear,
  reshape,
  shapeOf,
} from "../nn/mod.ts";

/** Text states, and with them the tokens of images that attention looks at, too. */
export interface Context extends Value {
  /** Whether there is no text: attention looks at the pixels themselves once more. */
  readonly isPixels?: boolean | undefined;
  /** For each IP-Adapter [N, tokens, D]. */
  readonly images?: readonly Value[] | undefined;
  /** Added to the scores of each token, [N, 1, 1, tokens]. */
  readonly keyBias?: Value | undefined;
  /** Added to the scores of each pixel where pixels look at each other, [N, 1, 1, H·W]. */
  readonly selfBias?: Value | undefined;
  /**
   * True for the rows in which the self-attention at a path is perturbed, [N] (PAG); undefined where
   * it is in none.
   */
  readonly perturbed?: ((path: string) => Value | undefined) | undefined;
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
  const patches = linear(s.at("proj_in"), x);
  let h = expand(s, latents, count);
  const plain = { bias: false };
  for (let i = 0; i < RESAMPLER_LAYERS; i++) {
    const layer = s.at("layers", i);
    const attn = layer.at("attn");
    const own = layerNorm(layer.at("ln1"), h);
    const seen = concat(s, [layerNorm(layer.at("ln0"), patches), own], 1);
    const query = linear(attn.at("to_q"), own, plain);
    const key = linear(attn.at("to_k"), seen, plain);
    const value = linear(attn.at("to_v"), seen, plain);
    const heads = attn.shape("to_q.weight")[0]! / 64; // always 64 channels a head
    const attended = attention(attn, { query, key, value }, { heads });
    h = add(s, linear(attn.at("to_out.0"), attended, plain), h);
    h = add(s, feedForward(layer.at("ff.1"), layerNorm(layer.at("ff.0"), h), false), h);
  }
  return layerNorm(s.at("norm_out"), linear(s.at("proj_out"), h));
}

/** What an IP-Adapter is given of an image: its vector, or the states of its patches. */
export type ImagePromptKind = "embeds" | "states";

/** What the image projection of an IP-Adapter takes. */
export function imagePromptKind(added: (name: string) => boolean): ImagePromptKind {
  return added("image_embeds") ? "embeds" : "states";
}

/**
 * Images to tokens that attention looks at (`MultiIPAdapterImageProjection`).
 *
 * @param x [N, images, width], or [N, images, patches, width].
 * @returns [N, images · tokens, D].
 */
export function imageProjection(s: Scope, x: Value): Value {
  const kind = imagePromptKind((name) => s.added(name));
  const flat = s.op("Reshape", [
    x,
    concat(s, [s.ints([-1]), shapeOf(s, x, 2)], 0),
  ]); // [N·images, ...]
  const tokens = kind === "embeds"
    ? imageTokens(s, flat)
    : s.added("latents")
    ? resample(s, flat)
    : layerNorm(s.at("norm"), feedForward(s.at("ff"), flat, true));
  const dims = concat(s, [shapeOf(s, x, 0, 1), s.ints([-1]), shapeOf(s, tokens, 2)], 0);
  return s.op("Reshape", [tokens, dims]);
}
