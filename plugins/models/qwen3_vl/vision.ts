import { type FrozenConfig, Tensor } from "@denoise/core";
import { float32, type GraphDefinition, int64, type PatchGrid, patchPlaces } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  chunk,
  concat,
  embedding,
  gelu,
  layerNorm,
  linear,
  matMulTransposed,
  mul,
  reshape,
  type Rotary,
  rotaryEmbedding,
  rotate,
  unsqueeze,
} from "@denoise/onnx/nn";
import type { Qwen3VLConfig, Qwen3VLVisionConfig } from "./config.ts";

type Vision = FrozenConfig<Qwen3VLVisionConfig>;

/** Added to the variance, whatever the config says. */
const EPS = 1e-6;

/** Patches of an image to states of 2x2 of them, of its last block and of those for the language model's layers. */
export const visual: GraphDefinition<Qwen3VLConfig> = {
  inputs: ({ vision_config: { in_channels, temporal_patch_size, patch_size } }) => ({
    patches: float32("patches", in_channels * temporal_patch_size * patch_size ** 2),
    positions: { ...float32("patches", 2), exact: true },
    corners: int64("patches", 4),
    shares: float32("patches", 4),
  }),
  build(s, { vision_config: config }, { patches, positions, corners, shares }) {
    const v = s.at("visual");
    const width = config.hidden_size / config.num_heads;
    const rotary = rotaryEmbedding(s, positions!, {
      widths: [width / 2, width / 2],
      theta: config.rope_parameters?.rope_theta ?? 10000,
    });
    const around = embedding(v.at("pos_embed"), corners!); // [patches, 4, C]
    const shared = mul(s, around, unsqueeze(s, s.cast(shares!), [2]));
    const learned = s.op("ReduceSum", [shared, s.ints([1])], { keepdims: 0 }); // [patches, C]
    let x = unsqueeze(
      s,
      add(s, embedPatches(v.at("patch_embed.proj"), patches!, config), learned),
      [
        0,
      ],
    ); // [1, patches, C]
    const deep: Value[] = [];
    for (let i = 0; i < config.depth; i++) {
      x = block(v.at("blocks", i), x, rotary, config);
      const place = config.deepstack_visual_indexes.indexOf(i);
      if (place < 0) continue;
      deep.push(unsqueeze(s, merged(v.at("deepstack_merger_list", place), x, config, true), [0]));
    }
    const states = merged(v.at("merger"), x, config, false); // [tokens, C]
    return deep.length === 0 ? { states } : { states, deep: concat(s, deep, 0) };
  },
};

/** A convolution over whole patches, [patches, C]. */
function embedPatches(s: Scope, patches: Value, config: Vision): Value {
  const { hidden_size: width, in_channels, temporal_patch_size, patch_size } = config;
  const weight = s.tensor("weight", [width, in_channels * temporal_patch_size * patch_size ** 2]);
  return add(s, matMulTransposed(s, s.cast(patches), weight), s.tensor("bias"));
}

/** Attention of all patches and a feed forward, each after a normalization (`Qwen3VLVisionBlock`). */
function block(s: Scope, x: Value, rotary: Rotary, config: Vision): Value {
  const { num_heads: heads } = config;
  const attn = s.at("attn");
  const projected = linear(attn.at("qkv"), layerNorm(s.at("norm1"), x, { eps: EPS }));
  const [query, key, value] = chunk(s, projected, 3, -1) as [Value, Value, Value];
  const turned = (of: Value) => rotate(s, of, rotary, { heads, pairs: "half-split" });
  const seen = attention(attn, { query: turned(query), key: turned(key), value }, { heads });
  const y = add(s, x, linear(attn.at("proj"), seen));
  const hidden = linear(s.at("mlp.linear_fc1"), layerNorm(s.at("norm2"), y, { eps: EPS }));
  return add(s, y, linear(s.at("mlp.linear_fc2"), activation(s, hidden, config.hidden_act)));
}

/** 2x2 patches as one token, normalized together or each by itself before (`Qwen3VLVisionPatchMerger`). */
function merged(s: Scope, x: Value, config: Vision, together: boolean): Value {
  const width = config.hidden_size * config.spatial_merge_size ** 2;
  const norm = (of: Value) => layerNorm(s.at("norm"), of, { eps: EPS });
  const rows = (of: Value) => reshape(s, of, [-1, width]);
  const tokens = together ? norm(rows(x)) : rows(norm(x)); // [tokens, width]
  return linear(s.at("linear_fc2"), gelu(s, linear(s.at("linear_fc1"), tokens)));
}

/** Where the patches of an image are. */
export interface PatchPlaces {
  /** Row and column of each, float32 [patches, 2]. */
  readonly positions: Tensor;
  /** The learned positions around each, int64 [patches, 4]. */
  readonly corners: Tensor;
  /** What each of these counts, float32 [patches, 4]. */
  readonly shares: Tensor;
}

/**
 * The places of an image's patches, on its own grid and, its corners laid on those of the square of learned
 * positions, among these (`get_vision_interpolation_indices_and_weights`).
 */
export function placesOf(
  grid: PatchGrid,
  { spatial_merge_size, num_position_embeddings }: Vision,
): PatchPlaces {
  const [, rows, columns] = grid;
  const places = patchPlaces(grid, spatial_merge_size);
  const side = Math.sqrt(num_position_embeddings);
  const alongRows = taps(rows, side);
  const alongColumns = taps(columns, side);
  const corners: number[] = [];
  const shares = new Float32Array(4 * places.length);
  for (const [patch, [row, column]] of places.entries()) {
    for (const [i, high] of alongRows[row]!.entries()) {
      for (const [j, wide] of alongColumns[column]!.entries()) {
        corners.push(high.place * side + wide.place);
        shares[4 * patch + 2 * i + j] = high.share * wide.share;
      }
    }
  }
  return {
    positions: Tensor.from(Float32Array.from(places.flat()), [places.length, 2]),
    corners: Tensor.from(corners, [places.length, 4], "int64"),
    shares: Tensor.from(shares, [places.length, 4]),
  };
}

/** A learned position beside a coordinate, and what it counts. */
interface Tap {
  readonly place: number;
  readonly share: number;
}

/** The two learned positions beside each of `count` coordinates, in float32 as the reference has them. */
function taps(count: number, side: number): readonly (readonly [Tap, Tap])[] {
  return Array.from({ length: count }, (_, i) => {
    const at = Math.fround(i * (side - 1) / Math.max(count - 1, 1));
    const place = Math.floor(at);
    const beyond = Math.fround(at - place);
    return [
      { place, share: Math.fround(1 - beyond) },
      { place: Math.min(place + 1, side - 1), share: beyond },
    ];
  });
}
