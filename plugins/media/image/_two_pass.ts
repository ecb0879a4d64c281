import { coefficients, type Resample, type Taps } from "./_filters.ts";

/** Width and height of a plane. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The two passes for one type of samples. */
export interface Passes<A> {
  /** Each row to as many pixels as there are taps; `rowLength` samples lie in a source row. */
  horizontal(source: A, rowLength: number, taps: Taps): A;
  /** As many rows as there are taps, of `rowLength` samples. */
  vertical(source: A, rowLength: number, taps: Taps): A;
}

/**
 * Whether the vertical pass comes first: Pillow 13 does so when the height shrinks by more than
 * twice what the width does (python-pillow/Pillow#9549), earlier versions never. The order shows
 * in the last bits, since the result of the first pass is rounded.
 */
function isVerticalFirst(from: Size, to: Size): boolean {
  return from.height > to.height && from.height - to.height > 2 * (from.width - to.width);
}

/**
 * Resamples interleaved samples along both axes, leaving out the axes whose size stays; gives the
 * source itself when both stay.
 *
 * @param part The width and height of what is resampled, from the top left, where it ends inside a pixel.
 */
export function twoPass<A>(
  source: A,
  from: Size,
  to: Size,
  channels: number,
  method: Resample,
  passes: Passes<A>,
  part: Size = from,
): A {
  const stays = (axis: "width" | "height") => from[axis] === to[axis] && part[axis] === to[axis];
  const taps = (axis: "width" | "height") =>
    coefficients(from[axis], to[axis], method, [0, part[axis]]);
  const horizontal = (data: A): A =>
    stays("width") ? data : passes.horizontal(data, from.width * channels, taps("width"));
  const vertical = (data: A, width: number): A =>
    stays("height") ? data : passes.vertical(data, width * channels, taps("height"));
  return isVerticalFirst(from, to)
    ? horizontal(vertical(source, from.width))
    : vertical(horizontal(source), to.width);
}
