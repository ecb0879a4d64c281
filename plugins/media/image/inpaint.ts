import type { ImageBox } from "@denoise/core";
import { premultiply, unpremultiply } from "./_alpha.ts";
import { paste } from "./_paste.ts";
import { convert } from "./convert.ts";
import { DenoiseImage } from "./image.ts";
import type { Pixels } from "./pixels.ts";
import { resizeAndCrop } from "./resize_to_fit.ts";

/** First and last place along an axis where the mask is not black; all of it if there is none. */
function extent(length: number, isMarked: (place: number) => boolean): [number, number] {
  let [first, last] = [0, length];
  while (first < length && !isMarked(first)) first++;
  while (last > 0 && !isMarked(last - 1)) last--;
  return [first, last];
}

/** Widens a stretch to a length, moved and cut to stay inside. */
function widen([start, end]: [number, number], by: number, length: number): [number, number] {
  let [from, to] = [start - Math.floor(by / 2), end + by - Math.floor(by / 2)];
  if (to >= length) [from, to] = [from - (to - length), length];
  if (from < 0) [from, to] = [0, to - from];
  return [from, Math.min(to, length)];
}

/**
 * The part of an image around what a mask marks, in the shape of the size that is inpainted:
 * `get_crop_region` of diffusers' `VaeImageProcessor`.
 *
 * @param mask White where the image is inpainted, black elsewhere.
 * @param width Width that is inpainted.
 * @param height Height that is inpainted.
 * @param pad Pixels to leave around the marked part, before it is widened to the shape.
 * @throws {RangeError} for a mask that is black everywhere.
 */
export function cropRegion(mask: Pixels, width: number, height: number, pad = 0): ImageBox {
  const { data } = convert(mask, "L");
  const isColumnMarked = (x: number): boolean => {
    for (let y = 0; y < mask.height; y++) if (data[y * mask.width + x] !== 0) return true;
    return false;
  };
  const isRowMarked = (y: number): boolean =>
    data.subarray(y * mask.width, (y + 1) * mask.width).some((value) => value !== 0);
  const [left, right] = extent(mask.width, isColumnMarked);
  const [top, bottom] = extent(mask.height, isRowMarked);
  if (left >= right) {
    throw new RangeError(
      `Cannot crop around what a mask of ${mask.width}x${mask.height} marks: it is black ` +
        "everywhere; make it white where the image is to be inpainted",
    );
  }
  let across: [number, number] = [Math.max(left - pad, 0), Math.min(right + pad, mask.width)];
  let down: [number, number] = [Math.max(top - pad, 0), Math.min(bottom + pad, mask.height)];
  const [w, h] = [across[1] - across[0], down[1] - down[0]];
  const shape = width / height;
  if (w / h > shape) down = widen(down, Math.trunc(w / shape - h), mask.height);
  else across = widen(across, Math.trunc(h * shape - w), mask.width);
  return { left: across[0], top: down[0], right: across[1], bottom: down[1] };
}

/** `a * (255 - t) + b * t` over 255, rounded, as Pillow's `BLEND`. */
function blend(a: number, b: number, t: number): number {
  const sum = a * (255 - t) + b * t + 128;
  return ((sum >> 8) + sum) >> 8;
}

/** Colour of RGBA `over` on opaque `under`, as Pillow's `alpha_composite`. */
function composite(under: number, over: number, alpha: number): number {
  if (alpha === 0) return under;
  const share = Math.floor(alpha * 255 * 255 * 128 / (alpha * 255 + 255 * (255 - alpha)));
  const sum = over * share + under * (255 * 128 - share) + (0x80 << 7);
  return ((sum >> 8) + sum) >> 8 >> 7;
}

/**
 * The inpainted part put back into the image that it was cropped from, softly where the mask is
 * grey: `apply_overlay` of diffusers' `VaeImageProcessor`.
 *
 * @param mask White where the image was inpainted; as large as the image.
 * @param image The whole image.
 * @param inpainted What was inpainted.
 * @param box Where it belongs. Defaults to the whole image.
 * @returns RGB, as large as the image.
 * @throws {RangeError} when mask and image differ in size.
 */
export function applyOverlay(
  mask: Pixels,
  image: Pixels,
  inpainted: Pixels,
  box?: ImageBox,
): DenoiseImage {
  const { width, height } = image;
  if (mask.width !== width || mask.height !== height) {
    throw new RangeError(
      `Cannot put an inpainted part into an image of ${width}x${height}: its mask is ` +
        `${mask.width}x${mask.height}, but must be as large`,
    );
  }
  const covers = convert(mask, "L").data;
  const kept = premultiply(convert(image, "RGBA").data);
  for (let i = 0; i < kept.length; i++) kept[i] = blend(0, kept[i]!, 255 - covers[i >> 2]!);
  const over = unpremultiply(kept);
  const result = new DenoiseImage(width, height, 3, new Uint8Array(width * height * 3));
  const rgb = convert(inpainted, "RGB");
  paste(result, box ? fitted(rgb, box) : rgb, box?.left ?? 0, box?.top ?? 0);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      result.data[3 * i + c] = composite(
        result.data[3 * i + c]!,
        over[4 * i + c]!,
        over[4 * i + 3]!,
      );
    }
  }
  return result;
}

function fitted(image: Pixels, { left, top, right, bottom }: ImageBox): DenoiseImage {
  return resizeAndCrop(image, right - left, bottom - top);
}
