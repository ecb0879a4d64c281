import { Tensor } from "@denoise/core";
import type { OwnTiles } from "@denoise/onnx";

/** Pixels of a tile's side, and the share of it that fades into the tile before. */
const SIDE = 512;
const OVERLAP = 0.125;

/** How a graph changes sides: of what goes in and what comes out, such as 8 and 1. */
interface Sides {
  /** Of what goes in. */
  readonly from: number;
  /** Of what comes out. */
  readonly to: number;
}

/**
 * Tiles of 512x512 pixels of which an eighth fades into what is there already (`_tiled_encode` and `_tiled_decode`
 * of AutoencoderTiny).
 */
export function fadingTiles({ from, to }: Sides): OwnTiles {
  const inside = (pixels: number) => pixels * from / Math.max(from, to);
  const outside = (x: number) => x * to / from;
  const size = inside(SIDE);
  const blend = Math.trunc(size * OVERLAP);
  const step = size - blend;
  return {
    from: size,
    async inTiles(x, graph) {
      const [height, width] = x.dims.slice(2) as [number, number];
      let whole: Whole | undefined;
      for (let top = 0; top < height; top += step) {
        const line = x.slice(2, top, Math.min(top + size, height));
        for (let left = 0; left < width; left += step) {
          const tile = await graph(line.slice(3, left, Math.min(left + size, width)));
          const [n, c] = tile.dims as [number, number];
          whole ??= emptied([n, c, outside(height), outside(width)]);
          fadeIn(whole, tile, [outside(top), outside(left)], outside(blend));
        }
      }
      return new Tensor("float32", whole!.data, whole!.dims);
    },
  };
}

/** What the tiles are put into. */
interface Whole {
  readonly data: Float32Array;
  readonly dims: readonly [count: number, channels: number, rows: number, columns: number];
}

function emptied(dims: Whole["dims"]): Whole {
  return { data: new Float32Array(dims.reduce((a, b) => a * b)), dims };
}

/** Puts a tile in its place; its first rows and columns, but those at the edges, fade in. */
function fadeIn(
  { data, dims: [, , height, width] }: Whole,
  tile: Tensor,
  [top, left]: readonly [top: number, left: number],
  blend: number,
): void {
  const values = tile.toFloat32Array();
  const [n, c, rows, columns] = tile.dims as readonly [number, number, number, number];
  const share = (place: number, begin: number) =>
    begin === 0 ? 1 : Math.min(1, Math.fround(place / (blend - 1)));
  for (let plane = 0; plane < n * c; plane++) {
    for (let y = 0; y < rows; y++) {
      const line = (plane * height + top + y) * width + left;
      const down = share(y, top);
      for (let i = 0; i < columns; i++) {
        const own = Math.fround(down * share(i, left));
        const value = values[(plane * rows + y) * columns + i]!;
        data[line + i] = own * value + (1 - own) * data[line + i]!;
      }
    }
  }
}
