import { type CallOptions, type ImageSize, roundHalfEven } from "@denoise/core";

/** The size of what is made. */
export interface SizeOptions {
  /**
   * Height in pixels, a multiple of 8, of many transformers one of 16. Other heights are refused, or brought to one
   * with a warning, as diffusers does with the model. Defaults to what the model was trained for.
   */
  readonly height?: number | undefined;
  /** Width in pixels, like the height. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
}

/** The declarations of {@linkcode SizeOptions}. */
export const sizeOptions: CallOptions<SizeOptions> = {
  height: { type: "integer" },
  width: { type: "integer" },
};

/** Height and width, each where a call says it. */
export function definedSize({ height, width }: SizeOptions): Partial<ImageSize> {
  return {
    ...(height === undefined ? {} : { height }),
    ...(width === undefined ? {} : { width }),
  };
}

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

/**
 * The size of images of a model whose sides are multiples, where a call may say other sides: these are cut, as
 * diffusers does with such models, or made longer.
 *
 * @param multiple What sides are brought to multiples of.
 * @param bring How. Defaults to `"cut"`.
 * @throws {RangeError} when nothing is left of a side, or it is not positive.
 */
export function wholeSize(
  { height, width }: ImageSize,
  multiple: number,
  bring: "cut" | "lengthen" = "cut",
): ImageSize {
  const round = bring === "cut" ? Math.floor : Math.ceil;
  const whole = (side: number) => round(side / multiple) * multiple;
  const size = { height: whole(height), width: whole(width) };
  checkSize(height, width, size.height > 0 && size.width > 0 ? 1 : multiple);
  return size;
}

/** Warns of images that are made in another size than a call says. */
export function warnOfSize(
  warn: (message: string) => void,
  { height, width }: SizeOptions,
  made: ImageSize,
): void {
  const wanted = { height: height ?? made.height, width: width ?? made.width };
  if (wanted.height === made.height && wanted.width === made.width) return;
  warn(
    `The image is made ${made.width}x${made.height} in place of ${wanted.width}x${wanted.height}: ` +
      "width and height are brought to what the model takes",
  );
}

/**
 * The size of about so many pixels in the shape of an image (`calculate_dimensions` of Qwen-Image's pipelines).
 *
 * @param area Pixels.
 * @param multiple What sides are rounded to multiples of. Defaults to 32.
 * @throws {RangeError} for an image so much longer than wide that nothing is left of a side.
 */
export function sizeOfArea(image: ImageSize, area: number, multiple = 32): ImageSize {
  const ratio = image.width / image.height;
  const wide = Math.sqrt(area * ratio);
  const whole = (side: number) => roundHalfEven(side / multiple) * multiple;
  const size = { width: whole(wide), height: whole(wide / ratio) };
  if (size.width > 0 && size.height > 0) return size;
  throw new RangeError(
    `Cannot bring an image of ${image.width}x${image.height} to ${area} pixels in its shape: ` +
      `${size.width}x${size.height} would be left of it; give one that is less long, or more pixels`,
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
