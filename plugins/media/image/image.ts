import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { checkOptions, type Image, type Recipe } from "@denoise/core";
import { encodePng } from "./_png.ts";
import { jpegWithTexts, webpWithTexts } from "./_exif.ts";
import { encodeJpeg, encodeWebp } from "./_lossy.ts";
import { recipeTexts } from "./recipe.ts";

/** What a {@linkcode DenoiseImage} may be made with beside its pixels. */
export interface DenoiseImageOptions {
  /** What the image was made from; its files carry it. */
  readonly recipe?: Recipe | undefined;
  /** Samples of 16 bits, of a grey image, which its PNG has instead of its pixels. */
  readonly samples?: Uint16Array | undefined;
}

/** The formats that images are written in. */
export type ImageFormat = "png" | "jpeg" | "webp";

/** How an image is written. */
export interface EncodeOptions {
  /** Quality of a JPEG or WebP, 1 to 100. Defaults to 90. */
  readonly quality?: number;
}

function formatOf(path: string | URL): ImageFormat {
  const name = path instanceof URL ? path.pathname : path;
  const extension = name.match(/\.[^./\\]*$/)?.[0].toLowerCase() ?? "";
  if (extension === ".png") return "png";
  if (extension === ".jpg" || extension === ".jpeg") return "jpeg";
  if (extension === ".webp") return "webp";
  throw new TypeError(
    `Cannot save ${JSON.stringify(name)}: the name must end in .png, .jpg, .jpeg or .webp, ` +
      (extension === "" ? "but has no extension" : `but ends in ${JSON.stringify(extension)}`),
  );
}

/**
 * An image of 8 bits a sample, or as PNG of 16: grey (1 channel), RGB (3) or RGBA (4). In a Deno notebook it shows
 * itself.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseImage } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const red = new DenoiseImage(1, 1, 3, Uint8Array.of(255, 0, 0));
 * const file = await red.encode("png");
 * assertEquals([...file.subarray(1, 4)], [0x50, 0x4e, 0x47]);
 * ```
 */
export class DenoiseImage implements Image {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Samples of a pixel: 1 (grey), 3 (RGB) or 4 (RGBA). */
  readonly channels: number;
  /** The pixels row by row, `channels` bytes each. */
  readonly data: Uint8Array;
  /** What it was made from. */
  readonly recipe: Recipe | undefined;
  /** Samples of 16 bits, of a grey image, which its PNG has instead of its pixels. */
  readonly samples: Uint16Array | undefined;

  /**
   * Makes an image of pixels, which are not copied.
   *
   * @throws {RangeError} if a size is no positive integer, the channels are not 1, 3 or 4, the
   * pixels are not `width * height * channels` bytes, or samples of 16 bits not one for each pixel.
   */
  constructor(
    width: number,
    height: number,
    channels: number,
    data: Uint8Array,
    options: DenoiseImageOptions = {},
  ) {
    if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
      const [across, down] = [width, height].map((side) =>
        typeof side === "number" ? side : typeof side
      );
      throw new RangeError(
        `Cannot make an image of width ${across} and height ${down}: both must be positive integers, as in ` +
          "new DenoiseImage(width, height, channels, data)",
      );
    }
    if (![1, 3, 4].includes(channels)) {
      throw new RangeError(
        `Cannot make an image with ${channels} channels: it must be 1 (grey), 3 (RGB) or 4 (RGBA)`,
      );
    }
    if (data.length !== width * height * channels) {
      throw new RangeError(
        `Cannot make an image of ${width}x${height} with ${channels} channels: its pixels must ` +
          `be ${width * height * channels} bytes, but are ${data.length}`,
      );
    }
    const { samples } = options;
    if (samples !== undefined && samples.length !== width * height) {
      throw new RangeError(
        `Cannot make an image of ${width}x${height} of ${samples.length} samples of 16 bits: each pixel must have one`,
      );
    }
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.data = data;
    this.recipe = options.recipe;
    this.samples = samples;
  }

  /**
   * The image as a file. The same image always gives the same bytes, with the recipe in them: in a PNG as text,
   * in JPEG and WebP in EXIF, where that is at most 64 kB.
   *
   * @throws {TypeError} for another format, for an unknown option, and for samples of 16 bits but as PNG.
   * @throws {RangeError} for a quality outside 1..100.
   */
  async encode(format: ImageFormat = "png", options: EncodeOptions = {}): Promise<Uint8Array> {
    checkOptions("encode an image", options, { quality: { type: "any" } });
    if (format === "png") return encodePng(this, this.recipe ? recipeTexts(this.recipe) : []);
    if (this.samples !== undefined) {
      throw new TypeError(
        `Cannot encode samples of 16 bits as ${JSON.stringify(format)}: only PNG holds them`,
      );
    }
    const [parameters, json] = this.recipe ? recipeTexts(this.recipe) : [];
    const texts = parameters && json ? [json[1], parameters[1]] as const : undefined;
    if (format === "jpeg") {
      const file = await encodeJpeg(this, options.quality ?? 90);
      return texts === undefined ? file : jpegWithTexts(file, ...texts);
    }
    if (format === "webp") {
      const file = await encodeWebp(this, options.quality ?? 90);
      return texts === undefined ? file : webpWithTexts(file, ...texts);
    }
    throw new TypeError(
      `Cannot encode an image as ${JSON.stringify(format)}: it must be "png", "jpeg" or "webp"`,
    );
  }

  /**
   * Writes the image; the format follows from the extension (.png, .jpg, .jpeg, .webp).
   *
   * @throws {TypeError} for another extension.
   */
  async save(path: string | URL): Promise<void> {
    await writeFile(path, await this.encode(formatOf(path)));
  }

  /** What a Deno notebook shows: the image as PNG. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    const png = await this.encode("png");
    return { "image/png": Buffer.from(png).toString("base64"), "text/plain": String(this) };
  }

  /** Its class, mode and size. */
  toString(): string {
    const mode = { 1: "L", 3: "RGB", 4: "RGBA" }[this.channels];
    return `DenoiseImage ${mode} ${this.width}x${this.height}`;
  }

  /** What `console.log` shows: the size, not the bytes. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return String(this);
  }
}
