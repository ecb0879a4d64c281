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
 */
export function twoPass<A>(
  source: A,
  from: Size,
  to: Size,
  channels: number,
  method: Resample,
  passes: Passes<A>,
): A {
  const horizontal = (data: A): A =>
    from.width === to.width
      ? data
      : passes.horizontal(data, from.width * channels, coefficients(from.width, to.width, method));
  const vertical = (data: A, width: number): A =>
    from.height === to.height
      ? data
      : passes.vertical(data, width * channels, coefficients(from.height, to.height, method));
  return isVerticalFirst(from, to)
    ? horizontal(vertical(source, from.width))
    : vertical(horizontal(source), to.width);
}
