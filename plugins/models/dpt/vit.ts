import type { FrozenConfig } from "@denoise/core";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  concat,
  conv2d,
  expand,
  layerNorm,
  linear,
  reshape,
  shapeOf,
  slice,
  toTokens,
  transpose,
} from "@denoise/onnx/nn";
import { bit } from "./bit.ts";
import { bitOptions, type DPTConfig } from "./config.ts";

type Config = FrozenConfig<DPTConfig>;

/** Brings [N, C, H, W] to these sizes, an int64 vector, as torch's bilinear does. */
export function resizeBilinear(s: Scope, x: Value, sizes: Value): Value {
  return s.op("Resize", [x, undefined, undefined, sizes], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  });
}

/** Patches with a class token in front and their places added, [N, tokens, width]. */
function embed(s: Scope, patches: Value, width: number): Value {
  const places = s.tensor("position_embeddings"); // [1, 1 + side², width]
  const tokens = places.dims[1]!;
  const side = Math.round(Math.sqrt(tokens - 1));
  const grid = transpose(
    s,
    reshape(s, slice(s, places, 1, 1, tokens), [1, side, side, width]),
    [0, 3, 1, 2],
  );
  const sizes = concat(s, [s.ints([1, width]), shapeOf(s, patches, 2, 4)], 0);
  const own = toTokens(s, resizeBilinear(s, grid, sizes));
  const rows = concat(s, [shapeOf(s, patches, 0, 1), s.ints([1, width])], 0);
  const first = add(s, s.tensor("cls_token"), slice(s, places, 1, 0, 1));
  return concat(s, [expand(s, first, rows), add(s, toTokens(s, patches), own)], 1);
}

/** Attention and feed forward, each normalised before (`DPTViTLayer`). */
function layer(s: Scope, x: Value, config: Config): Value {
  const { num_attention_heads: heads, layer_norm_eps: eps, hidden_act, qkv_bias: bias } = config;
  const normal = layerNorm(s.at("layernorm_before"), x, { eps });
  const inner = s.at("attention.attention");
  const attended = attention(s, {
    query: linear(inner.at("query"), normal, { bias }),
    key: linear(inner.at("key"), normal, { bias }),
    value: linear(inner.at("value"), normal, { bias }),
  }, { heads });
  const h = add(s, linear(s.at("attention.output.dense"), attended), x);
  const wide = linear(s.at("intermediate.dense"), layerNorm(s.at("layernorm_after"), h, { eps }));
  return add(s, linear(s.at("output.dense"), activation(s, wide, hidden_act)), h);
}

/** What a backbone sees, from fine to coarse, and the patches that give the grid its size. */
export interface Features {
  /** [N, C, H, W] of a BiT, [N, 1 + H·W, width] of a transformer. */
  readonly states: readonly Value[];
  /** [N, width, H, W]. */
  readonly patches: Value;
}

/** An image through the backbone: a vision transformer (arXiv:2010.11929), after a BiT in a hybrid. */
export function backbone(s: Scope, pixels: Value, config: Config): Features {
  const { hidden_size: width, patch_size: stride, num_hidden_layers, is_hybrid } = config;
  const embeddings = s.at("embeddings");
  const stages = is_hybrid
    ? bit(embeddings.at("backbone.bit"), pixels, bitOptions(config))
    : undefined;
  const patches = stages === undefined
    ? conv2d(embeddings.at("patch_embeddings.projection"), pixels, { stride })
    : conv2d(embeddings.at("projection"), stages.at(-1)!);
  let x = embed(embeddings, patches, width);
  const layers = Array.from({ length: num_hidden_layers }, (_, i) => {
    x = layer(s.at("encoder.layer", i), x, config);
    return x;
  });
  const wanted = stages === undefined
    ? config.backbone_out_indices
    : config.backbone_out_indices.slice(2);
  const states = layers.filter((_, i) => wanted.includes(i));
  return { states: [...stages?.slice(0, 2) ?? [], ...states], patches };
}
