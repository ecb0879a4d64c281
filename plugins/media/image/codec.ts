import {
  type ImageCodec,
  type ImageEditor,
  type ImageInput,
  type ResizeOptions,
  Tensor,
} from "@denoise/core";
import { gaussianBlur } from "./blur.ts";
import { convert, type Mode } from "./convert.ts";
import { crop } from "./crop.ts";
import { applyOverlay, cropRegion } from "./inpaint.ts";
import { decodeImage, type ImageLimits, openImage } from "./open_image.ts";
import { DenoiseImage } from "./image.ts";
import { checkSize, resize } from "./resize.ts";
import { resizeNearest } from "./resize_nearest.ts";
import { resizeAndCrop, resizeAndFill } from "./resize_to_fit.ts";
import { imagesFromTensor, tensorFromImage } from "./tensors.ts";

/** How {@linkcode imageCodec} takes an image. */
export type ToTensorOptions = ResizeOptions & { readonly mode?: "L" | "RGB" | "RGBA" };

function checkPath(path: string | URL): string | URL {
  if (/^(https?|data):/i.test(String(path))) {
    throw new TypeError(
      `Cannot open ${
        JSON.stringify(String(path).slice(0, 80))
      } as a path: give what loadImage(url) of ` +
        "@denoise/image makes of it, or its bytes",
    );
  }
  return path;
}

async function givenImage(
  input: Exclude<ImageInput, Tensor>,
  limits: ImageLimits,
): Promise<DenoiseImage> {
  if (input instanceof Uint8Array) return await decodeImage(input, limits);
  if (typeof input === "string" || input instanceof URL) {
    return await openImage(checkPath(input), limits);
  }
  if (typeof input !== "object" || input === null || !(input.data instanceof Uint8Array)) {
    const found = typeof input === "object" && input !== null
      ? `an object of ${(input as object).constructor?.name ?? "no class"}`
      : String(input);
    throw new TypeError(
      `Cannot take ${found} as an image: give an image, the bytes of a file, a path or a tensor`,
    );
  }
  return new DenoiseImage(input.width, input.height, input.channels, input.data);
}

function takeTensor(tensor: Tensor, options: ToTensorOptions): Tensor {
  const batch = tensor.dims.length === 3 ? tensor.unsqueeze(0) : tensor;
  const [_, channels, height, width] = batch.dims;
  if (batch.dims.length !== 4 || ![1, 3, 4].includes(channels!)) {
    throw new TypeError(
      `Cannot take ${tensor} as an image: it must be float32 [N, C, H, W] with 1, 3 or 4 channels`,
    );
  }
  const size = { width: options.width ?? width!, height: options.height ?? height! };
  checkSize(size.width, size.height);
  return resizeNearest(batch.astype("float32"), size.width, size.height);
}

const FITS = { stretch: resize, fill: resizeAndFill, crop: resizeAndCrop };

function editorOf(limits: ImageLimits): ImageEditor {
  return {
    async open(input, mode) {
      const image = await givenImage(input, limits);
      return mode === undefined ? image : convert(image, mode);
    },
    crop,
    cropRegion,
    resize: (image, width, height, { resample, fit = "stretch" } = {}) =>
      FITS[fit](image, width, height, resample),
    blur: gaussianBlur,
    overlay(mask, image, inpainted, box) {
      const { width, height, channels, data } = applyOverlay(mask, image, inpainted, box);
      return new DenoiseImage(width, height, channels, data, { recipe: inpainted.recipe });
    },
  };
}

/**
 * A codec with limits of its own.
 *
 * @param limits What is refused before it is decoded.
 */
export function createImageCodec(limits: ImageLimits = {}): ImageCodec {
  return {
    editor: editorOf(limits),
    fromTensor: imagesFromTensor,
    async toTensor(input: ImageInput, options: ToTensorOptions = {}): Promise<Tensor> {
      if (input instanceof Tensor) return takeTensor(input, options);
      const image = await givenImage(input, limits);
      const keepsAlpha = image.channels !== 4 || options.mode === "RGBA";
      const kept = keepsAlpha ? image : convert(image, "RGB");
      const { width = kept.width, height = kept.height } = options;
      const sized = resize(kept, width, height, options.resample ?? "lanczos", options);
      return tensorFromImage(convert(sized, options.mode ?? modeOf(sized)));
    },
  };
}

function modeOf(image: DenoiseImage): Mode {
  return image.channels === 1 ? "L" : "RGB";
}

/**
 * Turns tensors into images and back, as the image processors of diffusers do with Pillow: a file
 * is turned upright and loses its alpha unless `mode` is `"RGBA"`, then it is resized (LANCZOS by default), then
 * it becomes grey if `mode` is `"L"`; a tensor is resized to the nearest element.
 *
 * @example
 * ```ts
 * import { DenoiseImage, imageCodec } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const grey = new DenoiseImage(1, 1, 1, Uint8Array.of(51));
 * const tensor = await imageCodec.toTensor(grey, { width: 2, height: 2, mode: "RGB" });
 * assertEquals(tensor.dims, [1, 3, 2, 2]);
 * assertEquals(imageCodec.fromTensor(tensor)[0]!.data, new Uint8Array(12).fill(51));
 * ```
 */
export const imageCodec: ImageCodec = createImageCodec();
