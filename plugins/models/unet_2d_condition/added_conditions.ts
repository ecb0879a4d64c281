import { imageTokens } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  concat,
  conv2d,
  layerNorm,
  linear,
  mean,
  reshape,
  silu,
  squeeze,
} from "@denoise/onnx/nn";
import type { UNet2DConditionConfig } from "./config.ts";

type Inputs = Readonly<Record<string, Value>>;

/**
 * What is added to the time embedding beside SDXL's sizes (`addition_embed_type`): [N, E], or undefined.
 */
export function addedEmbedding(
  root: Scope,
  config: UNet2DConditionConfig,
  { encoder_hidden_states, text_embeds, image_embeds }: Inputs,
): Value | undefined {
  const s = root.at("add_embedding");
  switch (config.addition_embed_type) {
    case "text":
      return pooledText(s, encoder_hidden_states!, config.addition_embed_type_num_heads);
    case "text_image": {
      const text = layerNorm(s.at("text_norm"), linear(s.at("text_proj"), text_embeds!));
      return add(s, linear(s.at("image_proj"), image_embeds!), text);
    }
    case "image":
    case "image_hint":
      return layerNorm(s.at("image_norm"), linear(s.at("image_proj"), image_embeds!));
    default:
      return undefined;
  }
}

/** A text pooled by attention of its mean to all of its tokens (`TextTimeEmbedding`): [N, E]. */
function pooledText(s: Scope, states: Value, heads: number): Value {
  const pool = s.at("pool");
  const text = layerNorm(s.at("norm1"), states);
  const first = add(s, mean(s, text, [1]), pool.tensor("positional_embedding")); // [N, 1, D]
  const tokens = concat(s, [first, text], 1);
  const pooled = attention(s, {
    query: linear(pool.at("q_proj"), first),
    key: linear(pool.at("k_proj"), tokens),
    value: linear(pool.at("v_proj"), tokens),
  }, { heads });
  return layerNorm(s.at("norm2"), linear(s.at("proj"), squeeze(s, pooled, [1])));
}

/** The last of the hint's layers, and those of its convolutions that halve the image. */
const [LAST, HALVING] = [14, [4, 8, 12]];

/**
 * An image that controls, brought to the size of the latents (`ImageHintTimeEmbedding`).
 *
 * @param hint [N, 3, 8h, 8w].
 * @returns [N, 4, h, w].
 */
export function hintLatents(root: Scope, hint: Value): Value {
  const s = root.at("add_embedding.input_hint_block");
  let x = hint;
  for (let layer = 0; layer <= LAST; layer += 2) { // an activation is between two
    const stride = HALVING.includes(layer) ? 2 : 1;
    x = conv2d(s.at(layer), layer === 0 ? x : silu(s, x), { padding: 1, stride });
  }
  return x;
}

/**
 * The states that attention looks at, of text and images (`encoder_hid_dim_type`).
 *
 * @returns [N, tokens, D], or the sample where no text is given.
 */
export function encoderStates(
  root: Scope,
  config: UNet2DConditionConfig,
  { encoder_hidden_states: text, image_embeds: image, sample }: Inputs,
): Value {
  if (config.encoder_hid_dim === null) return text ?? sample!;
  const s = root.at("encoder_hid_proj");
  switch (config.encoder_hid_dim_type) {
    case "image_proj":
      return imageTokens(s, image!);
    case "text_image_proj": {
      const width = s.shape("text_proj.weight")[0]!;
      const tokens = s.shape("image_embeds.weight")[0]! / width;
      const ofImage = reshape(s, linear(s.at("image_embeds"), image!), [-1, tokens, width]);
      return concat(s, [ofImage, linear(s.at("text_proj"), text!)], 1);
    }
    default:
      return linear(s, text!);
  }
}
