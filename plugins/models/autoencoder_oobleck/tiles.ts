import { roundHalfEven, Tensor } from "@denoise/core";
import type { OwnTiles } from "@denoise/onnx";

/**
 * Pieces along the last axis that see more than they give on both sides: what comes of that is cut off
 * (`_tiled_encode` and `_tiled_decode` of diffusers).
 *
 * @param size What is longer than that is cut into pieces of that length.
 * @param overlap How much of it a piece sees on each side beside what it gives.
 */
export function trimmedTiles(size: number, overlap: number): OwnTiles {
  const step = size - 2 * overlap;
  return {
    from: size,
    async inTiles(x, graph) {
      const length = x.dims.at(-1)!;
      const kept: Tensor[] = [];
      let ratio: number | undefined; // of the first piece: in diffusers, too
      for (let start = 0; start < length; start += step) {
        const end = Math.min(start + step, length);
        const [from, to] = [Math.max(0, start - overlap), Math.min(length, end + overlap)];
        const tile = await graph(x.slice(2, from, to));
        const made = tile.dims[2]!;
        ratio ??= made / (to - from);
        const before = roundHalfEven((start - from) * ratio);
        const after = roundHalfEven((to - end) * ratio);
        kept.push(tile.slice(2, before, made - after));
      }
      return Tensor.cat(kept, 2);
    },
  };
}
