import type { FrozenConfig } from "@denoise/core";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, clamp, embedding, placesAlong, sub, transpose, unsqueeze } from "@denoise/onnx/nn";
import type { T5Config } from "./config.ts";

type Distances = Pick<
  FrozenConfig<T5Config>,
  "relative_attention_num_buckets" | "relative_attention_max_distance"
>;

/**
 * The class of each distance from -max to max between a token and the one that it looks at: half
 * of the classes for either direction, of which half are for one distance each and the others grow
 * like its logarithm (`_relative_position_bucket` of transformers, in its float32 steps).
 */
export function bucketTable(config: Distances): number[] {
  const max = config.relative_attention_max_distance;
  const half = Math.floor(config.relative_attention_num_buckets / 2);
  const exact = Math.floor(half / 2);
  const range = Math.fround(Math.log(max / exact));
  const bucket = (distance: number): number => {
    const size = Math.abs(distance);
    const ahead = distance > 0 ? half : 0;
    if (size < exact) return ahead + size;
    const log = Math.fround(Math.log(Math.fround(size / exact)));
    const share = Math.fround(Math.fround(log / range) * (half - exact));
    return ahead + Math.min(exact + Math.trunc(share), half - 1);
  };
  return Array.from({ length: 2 * max + 1 }, (_, i) => bucket(i - max));
}

/**
 * What attention adds for the distance between tokens: [1, heads, tokens, tokens].
 *
 * @param s The module that has `relative_attention_bias`.
 * @param ids Any value [N, tokens].
 */
export function relativePositionBias(s: Scope, ids: Value, config: Distances): Value {
  const max = config.relative_attention_max_distance;
  const places = placesAlong(s, ids, 1); // [tokens]
  const distance = sub(s, unsqueeze(s, places, [0]), unsqueeze(s, places, [1])); // [tokens, tokens]
  const row = add(s, clamp(s, distance, -max, max), max);
  const bucket = s.op("Gather", [s.ints(bucketTable(config)), row], { axis: 0 });
  const bias = embedding(s.at("relative_attention_bias"), bucket); // [tokens, tokens, heads]
  return unsqueeze(s, transpose(s, bias, [2, 0, 1]), [0]);
}
