import type { Scope, Value } from "../graph/mod.ts";
import { pixelSizes, resized } from "./image_size.ts";
import { concat, reshape, shapeOf, transpose } from "./shape.ts";

/** An image as a row of tokens: [N, C, H, W] to [N, H·W, C]; best given the number of channels. */
export function toTokens(s: Scope, x: Value, channels?: number): Value {
  const last = transpose(s, x, [0, 2, 3, 1]); // [N, H, W, C]
  if (channels !== undefined) return reshape(s, last, [0, -1, channels]);
  return s.op("Reshape", [last, concat(s, [s.ints([0, -1]), shapeOf(s, x, 1, 2)], 0)]);
}

/** A row of tokens as an image: [N, H·W, C] to [N, C, H, W] with the height and width of `like`. */
export function fromTokens(s: Scope, tokens: Value, like: Value): Value {
  const last = s.op("Reshape", [tokens, pixelSizes(s, like)]); // [N, H, W, C]
  return resized(s, transpose(s, last, [0, 3, 1, 2]), like, (small) => small);
}
