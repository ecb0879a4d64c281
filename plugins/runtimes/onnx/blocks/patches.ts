import { Tensor } from "@denoise/core";
import type { Scope, Value } from "../graph/mod.ts";
import { concat, div, mul, reshape, shapeOf, sub, transpose } from "../nn/mod.ts";

/**
 * Rows and columns of the patches of latents.
 *
 * @param latents [N, C, h, w].
 * @throws {RangeError} for a side that patches do not fill.
 */
export function patchGrid(
  latents: Tensor,
  patch: number,
): readonly [rows: number, columns: number] {
  const [height, width] = latents.dims.slice(2) as [number, number];
  const [rows, columns] = [height / patch, width / patch];
  if (Number.isInteger(rows) && Number.isInteger(columns)) return [rows, columns];
  throw new RangeError(
    `Cannot denoise latents of ${height} x ${width}: each side must be a multiple of ${patch}`,
  );
}

/** How many patches an image [N, C, H, W] has along an axis, as an int64 vector of one number. */
function patchesOf(s: Scope, image: Value, axis: number, patch: number): Value {
  return div(s, shapeOf(s, image, axis, axis + 1), s.scalar(patch, "int64"));
}

/** Options of {@linkcode croppedPositions}. */
export interface CroppedPositionsOptions {
  /** Height and width of a patch. */
  readonly patch: number;
  /** Height and width of the table, in patches. */
  readonly size: number;
  /**
   * Whether as many patches are left out on both sides, or the middle of the image lies on that of the table,
   * which differs for odd numbers. Defaults to `"sides"`.
   */
  readonly from?: "sides" | "middle" | undefined;
}

/**
 * The middle of a table of positions, as large as an image: [1, patches, C] (`cropped_pos_embed` of
 * PatchEmbed).
 *
 * @param table [1, size·size, C].
 * @param image [N, C, H, W].
 */
export function croppedPositions(
  s: Scope,
  table: Value,
  image: Value,
  { patch, size, from = "sides" }: CroppedPositionsOptions,
): Value {
  const square = reshape(s, table, [size, size, -1]);
  const cropped = [0, 1].reduce((values, axis) => {
    const count = patchesOf(s, image, axis + 2, patch);
    const half = (value: Value) => div(s, value, s.scalar(2, "int64"));
    const start = from === "sides"
      ? half(sub(s, s.ints([size]), count))
      : sub(s, s.ints([Math.floor(size / 2)]), half(count));
    const end = s.op("Add", [start, count], {}, { dtype: "int64" });
    return s.op("Slice", [values, start, end, s.ints([axis])]);
  }, square);
  const rows = s.op("Reshape", [cropped, concat(s, [s.ints([1, -1]), shapeOf(s, table, 2, 3)], 0)]);
  return rows;
}

/** Options of {@linkcode unpatchify}. */
export interface UnpatchifyOptions {
  /** Height and width of a patch. */
  readonly patch: number;
  /** Channels of the image. */
  readonly channels: number;
}

/**
 * A row of patches as an image, [N, h·w, patch²·C] to [N, C, H, W].
 *
 * @param like [N, ..., H, W]: an image of that size.
 */
export function unpatchify(
  s: Scope,
  tokens: Value,
  like: Value,
  { patch, channels }: UnpatchifyOptions,
): Value {
  const [rows, columns] = [patchesOf(s, like, 2, patch), patchesOf(s, like, 3, patch)];
  const split = concat(s, [s.ints([0]), rows, columns, s.ints([patch, patch, channels])], 0);
  const grid = s.op("Reshape", [tokens, split]); // [N, h, w, patch, patch, C]
  const moved = transpose(s, grid, [0, 5, 1, 3, 2, 4]); // [N, C, h, patch, w, patch]
  const side = (count: Value) => mul(s, count, s.scalar(patch, "int64"));
  const whole = concat(s, [s.ints([0, channels]), side(rows), side(columns)], 0);
  return s.op("Reshape", [moved, whole]);
}

/** Options of {@linkcode gridPositions}. */
export interface GridPositionsOptions {
  /** Channels: a half for the column, a half for the row. */
  readonly width: number;
  /** Patches of a side that the model was trained with: other grids are stretched to it. */
  readonly base: number;
  /** What coordinates are divided by. Defaults to 1. */
  readonly scale?: number | undefined;
}

/**
 * Sines and cosines of the places in a grid of patches, float32 [1, rows·columns, width]
 * (`get_2d_sincos_pos_embed`).
 */
export function gridPositions(
  rows: number,
  columns: number,
  { width, base, scale = 1 }: GridPositionsOptions,
): Tensor {
  const quarter = width / 4;
  const waves = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      const place = Math.fround(Math.fround(i / Math.fround(count / base)) / scale);
      const angles = Array.from({ length: quarter }, (_, k) => place / 10000 ** (k / quarter));
      return [...angles.map(Math.sin), ...angles.map(Math.cos)];
    });
  const [down, across] = [waves(rows), waves(columns)];
  const data = new Float32Array(rows * columns * width);
  for (let i = 0; i < rows * columns; i++) {
    data.set(across[i % columns]!, i * width);
    data.set(down[Math.floor(i / columns)]!, i * width + width / 2);
  }
  return Tensor.from(data, [1, rows * columns, width]);
}
