import { type FrozenConfig, Tensor } from "@denoise/core";
import { float32, type GraphDefinition, int64, type PatchGrid, patchPlaces } from "@denoise/onnx";
import { gatedFeedForward } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  chunk,
  gelu,
  linear,
  maskBias,
  matMulTransposed,
  reshape,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  unsqueeze,
} from "@denoise/onnx/nn";
import type { Qwen2_5_VLConfig, Qwen2_5_VLVisionConfig } from "./config.ts";

type Vision = FrozenConfig<Qwen2_5_VLVisionConfig>;

/** Patches of an image to states of 2x2 of them. */
export const visual: GraphDefinition<Qwen2_5_VLConfig> = {
  inputs: ({ vision_config: { in_channels, temporal_patch_size, patch_size } }) => ({
    patches: float32("patches", in_channels * temporal_patch_size * patch_size ** 2),
    positions: { ...float32("patches", 2), exact: true },
    windows: int64("windows", "places"),
    window_mask: int64("windows", "places"),
    back: int64("patches"),
  }),
  build(s, { vision_config: config }, inputs) {
    const { patches, positions } = inputs;
    const width = config.hidden_size / config.num_heads;
    const rotary = rotaryEmbedding(s, positions!, { widths: [width / 2, width / 2] });
    const kernel = config.in_channels * config.temporal_patch_size * config.patch_size ** 2;
    const embed = s.at("visual.patch_embed.proj").tensor("weight", [config.hidden_size, kernel]);
    let x = unsqueeze(s, matMulTransposed(s, s.cast(patches!), embed), [0]); // [1, patches, C]
    for (let i = 0; i < config.depth; i++) {
      const whole = config.fullatt_block_indexes.includes(i);
      x = block(s.at("visual.blocks", i), x, rotary, config, whole ? undefined : inputs);
    }
    const merged = s.at("visual.merger");
    const normal = rmsNorm(merged.at("ln_q"), x, { eps: EPS });
    const together = reshape(s, normal, [-1, config.hidden_size * config.spatial_merge_size ** 2]);
    const states = linear(merged.at("mlp.2"), gelu(s, linear(merged.at("mlp.0"), together)));
    return { states };
  },
};

/** Added to the mean square, whatever the config says. */
const EPS = 1e-6;

/** Attention within windows or of all patches, and a gated feed forward (`Qwen2_5_VLVisionBlock`). */
function block(
  s: Scope,
  x: Value,
  rotary: Rotary,
  config: Vision,
  windows: Readonly<Record<string, Value>> | undefined,
): Value {
  const { num_heads: heads, hidden_size: width } = config;
  const attn = s.at("attn");
  const projected = linear(attn.at("qkv"), rmsNorm(s.at("norm1"), x, { eps: EPS }));
  const [q, k, value] = chunk(s, projected, 3, -1) as [Value, Value, Value];
  const turned = (of: Value) => rotate(s, of, rotary, { heads, pairs: "half-split" });
  const parts = { query: turned(q), key: turned(k), value };
  const seen = windows === undefined
    ? attention(s, parts, { heads })
    : inWindows(s, parts, windows, { heads, width });
  const y = add(s, x, linear(attn.at("proj"), seen));
  const fed = gatedFeedForward(s.at("mlp"), rmsNorm(s.at("norm2"), y, { eps: EPS }), {
    names: ["gate_proj", "up_proj", "down_proj"],
    activation: config.hidden_act,
    bias: true,
  });
  return add(s, y, fed);
}

/** The patches of each window attend to each other: windows are the rows of a batch, filled up to one length. */
function inWindows(
  s: Scope,
  parts: { readonly query: Value; readonly key: Value; readonly value: Value },
  { windows, window_mask, back }: Readonly<Record<string, Value>>,
  { heads, width }: { readonly heads: number; readonly width: number },
): Value {
  const gathered = (of: Value) =>
    s.op("Gather", [reshape(s, of, [-1, width]), windows!], { axis: 0 }); // [windows, places, C]
  const rows = {
    query: gathered(parts.query),
    key: gathered(parts.key),
    value: gathered(parts.value),
  };
  const seen = attention(s, rows, { heads, keyBias: maskBias(s, window_mask!) });
  const flat = s.op("Gather", [reshape(s, seen, [-1, width]), back!], { axis: 0 }); // [patches, C]
  return unsqueeze(s, flat, [0]);
}

/** Where the patches of images are: rows and columns, windows, and how they come back from these. */
export interface VisionPlaces {
  /** Row and column of each patch, float32 [patches, 2]. */
  readonly positions: Tensor;
  /** Numbers of the patches of each window, int64 [windows, places]. */
  readonly windows: Tensor;
  /** 1 where a place of a window has a patch, int64 [windows, places]. */
  readonly window_mask: Tensor;
  /** The place of each patch among those of all windows, int64 [patches]. */
  readonly back: Tensor;
}

/**
 * The places of an image's patches, which come 2x2 by 2x2 (`get_vision_position_ids`,
 * `get_vision_window_index`).
 */
export function placesOf(
  grid: PatchGrid,
  { spatial_merge_size: merge, window_size, patch_size }: Vision,
): VisionPlaces {
  const [, rows, columns] = grid;
  const side = Math.floor(window_size / merge / patch_size) * merge; // of a window, in patches
  const places = patchPlaces(grid, merge);
  const members = new Map<number, number[]>();
  for (const [patch, [row, column]] of places.entries()) {
    const window = Math.floor(row / side) * Math.ceil(columns / side) + Math.floor(column / side);
    const own = members.get(window) ?? [];
    members.set(window, own);
    own.push(patch);
  }
  const lists = [...members.entries()].sort(([a], [b]) => a - b).map(([, list]) => list);
  const most = Math.max(...lists.map(({ length }) => length));
  const padded = lists.flatMap((list) => [...list, ...Array<number>(most - list.length).fill(0)]);
  const mask = lists.flatMap((list) =>
    Array.from({ length: most }, (_, i) => Number(i < list.length))
  );
  const back = Array<number>(rows * columns);
  for (const [window, list] of lists.entries()) {
    for (const [place, patch] of list.entries()) back[patch] = window * most + place;
  }
  return {
    positions: Tensor.from(Float32Array.from(places.flat()), [rows * columns, 2]),
    windows: Tensor.from(padded, [lists.length, most], "int64"),
    window_mask: Tensor.from(mask, [lists.length, most], "int64"),
    back: Tensor.from(back, [rows * columns], "int64"),
  };
}
