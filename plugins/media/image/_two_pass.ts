import { coefficients, type Resample, type Taps } from "./_filters.ts";

/** Width and height of a plane. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How the lines of one pass lie in their arrays, in elements. */
export interface Lines {
  /** How many lines there are. */
  readonly count: number;
  /** From one line to the next, in the source and in the target. */
  readonly lineSteps: readonly [source: number, target: number];
  /** From one pixel of a line to the next; the same in both. */
  readonly step: number;
}

/** Computes the target pixels of every line from its source pixels. */
export type Pass<A> = (source: A, taps: Taps, lines: Lines, target: A) => void;

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
export function twoPass<A extends Uint8Array | Float32Array>(
  source: A,
  from: Size,
  to: Size,
  channels: number,
  method: Resample,
  allocate: (size: number) => A,
  pass: Pass<A>,
): A {
  const horizontal = (data: A, height: number): A => {
    if (from.width === to.width) return data;
    const target = allocate(to.width * height * channels);
    pass(data, coefficients(from.width, to.width, method), {
      count: height,
      lineSteps: [from.width * channels, to.width * channels],
      step: channels,
    }, target);
    return target;
  };
  const vertical = (data: A, width: number): A => {
    if (from.height === to.height) return data;
    const target = allocate(width * to.height * channels);
    pass(data, coefficients(from.height, to.height, method), {
      count: width,
      lineSteps: [channels, channels],
      step: width * channels,
    }, target);
    return target;
  };
  return isVerticalFirst(from, to)
    ? horizontal(vertical(source, from.width), to.height)
    : vertical(horizontal(source, from.height), to.width);
}
