import type { CallOptions } from "@denoise/core";

/** The size of what is made. */
export interface SizeOptions {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
}

/** The declarations of {@linkcode SizeOptions}. */
export const sizeOptions: CallOptions<SizeOptions> = {
  height: { type: "integer" },
  width: { type: "integer" },
};

/**
 * Checks that an image size fits the model.
 *
 * @param multiple What width and height must be multiples of.
 * @throws {RangeError} when they are not, or are not positive.
 */
export function checkSize(height: number, width: number, multiple: number): void {
  const fits = (value: number) => Number.isInteger(value) && value > 0 && value % multiple === 0;
  if (fits(height) && fits(width)) return;
  const near = (value: number) =>
    Number.isFinite(value) ? Math.max(multiple, Math.round(value / multiple) * multiple) : multiple;
  throw new RangeError(
    `Cannot make an image of ${width}x${height}: width and height have to be positive and ` +
      `divisible by ${multiple}, such as ${near(width)}x${near(height)}`,
  );
}

/** `sample_size` of a config, a number or [height, width], as [height, width]. */
export function sampleSize(size: unknown): readonly [height: number, width: number] {
  if (typeof size === "number") return [size, size];
  if (Array.isArray(size) && size.length === 2) return [size[0], size[1]];
  throw new TypeError(
    `Cannot tell the image size: the model's sample_size is ${JSON.stringify(size)}, so pass ` +
      `height and width`,
  );
}
