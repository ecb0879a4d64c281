import { DenoiseError, Tensor } from "@denoise/core";
import type { Partition } from "@denoise/roles";

/** How a large tensor is cut into tiles, and what comes out of them is put together. */
interface TilePlan {
  /** Height and width of a tile that goes in. */
  readonly size: number;
  /** From one tile to the next; less than `size`, so that they overlap. */
  readonly step: number;
  /** How many rows and columns of two neighbouring outputs are faded into each other. */
  readonly blend: number;
  /** How many rows and columns of an output are kept. */
  readonly keep: number;
}

/** The plan for tiles of that size whose outputs have another size, and share a part with their neighbours. */
function tilePlan({ from: size, to: outputSize, overlap = 0.25 }: TileSides): TilePlan {
  const blend = Math.trunc(outputSize * overlap);
  return { size, step: Math.trunc(size * (1 - overlap)), blend, keep: outputSize - blend };
}

/** An output that is faded into its neighbours in place. */
interface Tile {
  readonly data: Float32Array;
  readonly dims: readonly [planes: number, rows: number, columns: number];
}

function places(length: number, step: number): number[] {
  return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
}

/** Fades the last rows of the tile above into the first ones. */
function fadeDown(above: Tile, tile: Tile, blend: number): void {
  const [planes, rows, columns] = tile.dims;
  const extent = Math.min(above.dims[1], rows, blend);
  for (let plane = 0; plane < planes; plane++) {
    for (let y = 0; y < extent; y++) {
      const from = (plane * above.dims[1] + above.dims[1] - extent + y) * above.dims[2];
      const to = (plane * rows + y) * columns;
      for (let x = 0; x < columns; x++) {
        const share = y / extent;
        tile.data[to + x] = above.data[from + x]! * (1 - share) + tile.data[to + x]! * share;
      }
    }
  }
}

/** Fades the last columns of the tile on the left into the first ones. */
function fadeAcross(left: Tile, tile: Tile, blend: number): void {
  const [planes, rows, columns] = tile.dims;
  const extent = Math.min(left.dims[2], columns, blend);
  for (let line = 0; line < planes * rows; line++) {
    const from = (line + 1) * left.dims[2] - extent;
    for (let x = 0; x < extent; x++) {
      const [share, to] = [x / extent, line * columns + x];
      tile.data[to] = left.data[from + x]! * (1 - share) + tile.data[to]! * share;
    }
  }
}

/**
 * Runs a model on overlapping tiles and fades their outputs into each other, so that memory does
 * not grow with the image (`tiled_encode` and `tiled_decode` of diffusers).
 *
 * @param x float32 [N, C, H, W].
 */
async function inTiles(
  x: Tensor,
  { size, step, blend, keep }: TilePlan,
  run: (tile: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const [height, width] = x.dims.slice(2) as [number, number];
  const lines: Tensor[] = [];
  let above: Tile[] = [];
  for (const top of places(height, step)) {
    const line = x.slice(2, top, Math.min(top + size, height));
    const tiles: Tile[] = [];
    const kept: Tensor[] = [];
    for (const [j, left] of places(width, step).entries()) {
      const output = await run(line.slice(3, left, Math.min(left + size, width)));
      const [count, channels, rows, columns] = output.dims as [number, number, number, number];
      const tile: Tile = {
        data: output.toFloat32Array().slice(),
        dims: [count * channels, rows, columns],
      };
      if (above[j] !== undefined) fadeDown(above[j], tile, blend);
      if (j > 0) fadeAcross(tiles[j - 1]!, tile, blend);
      tiles.push(tile);
      const whole = new Tensor("float32", tile.data, output.dims);
      kept.push(whole.slice(2, 0, Math.min(keep, rows)).slice(3, 0, Math.min(keep, columns)));
    }
    lines.push(Tensor.cat(kept, 3));
    above = tiles;
  }
  return Tensor.cat(lines, 2);
}

/** Runs a model on the samples of a batch one after the other. */
async function inSlices(
  x: Tensor,
  run: (sample: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const outputs: Tensor[] = [];
  for (let i = 0; i < x.dims[0]!; i++) outputs.push(await run(x.slice(0, i, i + 1)));
  return Tensor.cat(outputs);
}

/** Sides in pixels: of what goes into a graph, and of what comes out of it. */
export interface TileSides {
  /** Of a tile that goes in. */
  readonly from: number;
  /** Of what comes out of it. */
  readonly to: number;
  /** The share of a tile that its neighbours have too. Defaults to 0.25. */
  readonly overlap?: number;
}

/** How a model cuts what is long into pieces of its own kind. */
export interface OwnTiles {
  /** What is longer than that is cut. */
  readonly from: number;
  /** Runs a graph on the pieces and puts together what comes out of them. */
  inTiles(x: Tensor, graph: (tile: Tensor) => Promise<Tensor>): Promise<Tensor>;
}

/** {@linkcode Partition} of a model, and what runs a graph by it. */
export interface Partitioned {
  /** What users switch. */
  readonly partition: Partition;
  /**
   * Runs a graph on float32 [N, C, H, W] or [N, C, L], in slices and tiles where these are on.
   *
   * @param tiles How large a tile is, and how much of it its neighbours have too, or tiles of one's own.
   */
  run(
    x: Tensor,
    tiles: TileSides | OwnTiles,
    graph: (x: Tensor) => Promise<Tensor>,
  ): Promise<Tensor>;
}

interface Switches {
  slicing: boolean;
  tiling: boolean;
}

/** By the config of a model, which has methods of its own for each call of a pipeline. */
const switches = new WeakMap<object, Switches>();

/** An autoencoder's slices and tiles, both off at first. */
export function partitioned({ config }: { readonly config: object }): Partitioned {
  const own = switches.get(config) ?? { slicing: false, tiling: false };
  switches.set(config, own);
  const whole: Partitioned["run"] = (x, tiles, graph) => {
    if (!own.tiling || Math.max(...x.dims.slice(2)) <= tiles.from) return graph(x);
    if ("inTiles" in tiles) return tiles.inTiles(x, graph);
    return inTiles(x, tilePlan(tiles), graph);
  };
  return {
    run: (x, tiles, graph) =>
      own.slicing && x.dims[0]! > 1
        ? inSlices(x, (one) => whole(one, tiles, graph))
        : whole(x, tiles, graph),
    partition: {
      enableSlicing: () => void (own.slicing = true),
      disableSlicing: () => void (own.slicing = false),
      enableTiling: () => void (own.tiling = true),
      disableTiling: () => void (own.tiling = false),
    },
  };
}

/** What users switch of an autoencoder that diffusers computes neither in slices nor in tiles. */
export function unpartitioned(className: string): Partition {
  const refuse = (parts: string) => () => {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot compute in ${parts}: ${className} has none, in diffusers neither`,
    );
  };
  return {
    enableSlicing: refuse("slices"),
    disableSlicing: () => {},
    enableTiling: refuse("tiles"),
    disableTiling: () => {},
  };
}
