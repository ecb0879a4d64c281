import { type ConfigSchema, float } from "@denoise/core";
import type { Scope, Value } from "../graph/mod.ts";
import {
  add,
  concat,
  conv2d,
  expand,
  layerNorm,
  shapeOf,
  slice,
  squeeze,
  toTokens,
} from "../nn/mod.ts";
import { clipEncoder, type ClipEncoderConfig } from "./clip_encoder.ts";

/** Options of a CLIP vision tower, as they stand in config.json. */
export interface ClipVisionConfig extends ClipEncoderConfig {
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside the feed forward layers. */
  readonly intermediate_size: number;
  /** Width behind the projection. */
  readonly projection_dim: number;
  /** Channels of the images. */
  readonly num_channels: number;
  /** Height and width of the images. */
  readonly image_size: number;
  /** Height and width of the patches that they are cut into. */
  readonly patch_size: number;
}

/** The options with the defaults of transformers' CLIPVisionConfig. */
export const clipVisionSchema: ConfigSchema<ClipVisionConfig> = {
  hidden_size: 768,
  intermediate_size: 3072,
  projection_dim: 512,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_channels: 3,
  image_size: 224,
  patch_size: 32,
  hidden_act: "quick_gelu",
  layer_norm_eps: float(1e-5),
};

/** What a vision tower gives. */
export interface ClipVisionStates {
  /** The states before each layer and after the last one, [N, tokens, width]. */
  readonly states: readonly Value[];
  /** The normalized state of the class token, [N, width]. */
  readonly pooled: Value;
}

/**
 * An image cut into patches through the layers of CLIP (`CLIPVisionTransformer`).
 *
 * @param pixels [N, 3, H, W].
 */
export function clipVision(
  s: Scope,
  pixels: Value,
  config: ClipVisionConfig,
): ClipVisionStates {
  const { hidden_size: width, patch_size: stride, layer_norm_eps: eps } = config;
  const embeddings = s.at("embeddings");
  const patch = { stride, bias: false };
  const patches = toTokens(s, conv2d(embeddings.at("patch_embedding"), pixels, patch));
  const rows = concat(s, [shapeOf(s, pixels, 0, 1), s.ints([1, width])], 0);
  const token = expand(s, embeddings.tensor("class_embedding", [1, 1, width]), rows);
  const places = embeddings.tensor("position_embedding.weight");
  const embedded = add(s, concat(s, [token, patches], 1), places); // [N, tokens, width]
  const normal = layerNorm(s.at("pre_layrnorm"), embedded, { eps });
  const states = clipEncoder(s.at("encoder"), normal, config);
  const first = squeeze(s, slice(s, states.at(-1)!, 1, 0, 1), [1]); // [N, width]
  return { states, pooled: layerNorm(s.at("post_layernorm"), first, { eps }) };
}
