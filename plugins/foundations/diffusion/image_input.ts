import {
  type ImageCodec,
  type ImageInput,
  type ImageSize,
  type ResizeOptions,
  Tensor,
} from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import { sizeInPixels } from "./latents.ts";
import { sizeOfArea } from "./size.ts";

/** One image or several. */
export type ImagesInput = ImageInput | readonly ImageInput[];

/** An image for one ControlNet; for several a list with one for each, or such a list a prompt. */
export type ControlImages = ImagesInput | readonly ImagesInput[];

/** How images are brought to what a model takes. */
export interface PreprocessOptions extends ResizeOptions {
  /** Sides that are not given are cut down to a multiple of this. */
  readonly multiple?: number | undefined;
}

function list(images: ImagesInput, what: string): readonly ImageInput[] {
  const items = Array.isArray(images) ? images as readonly ImageInput[] : [images];
  if (items.length === 0) throw new RangeError(`Cannot take ${what}: the list is empty`);
  return items as readonly ImageInput[];
}

async function fitted(
  codec: ImageCodec,
  image: ImageInput,
  mode: "L" | "RGB",
  { multiple = 8, width, height, resample, reducingGap }: PreprocessOptions,
): Promise<Tensor> {
  const whole = await codec.toTensor(image, { mode });
  const [rows, columns] = whole.dims.slice(2) as [number, number];
  const cut = (size: number) => Math.max(multiple, size - size % multiple);
  const target = { height: height ?? cut(rows), width: width ?? cut(columns) };
  if (target.height === rows && target.width === columns) return whole;
  return await codec.toTensor(image, { ...target, mode, resample, reducingGap });
}

async function batch(tensors: readonly Promise<Tensor>[], what: string): Promise<Tensor> {
  const rows = await Promise.all(tensors);
  const sizes = new Set(rows.map(({ dims }) => `${dims[3]}x${dims[2]}`));
  if (sizes.size > 1) {
    throw new TypeError(
      `Cannot take ${what} of different sizes together (${[...sizes].join(", ")}): give width ` +
        `and height, or images of one size`,
    );
  }
  return Tensor.cat(rows);
}

/**
 * Images as the encoder of an autoencoder takes them (`VaeImageProcessor.preprocess`): resized
 * as Pillow's LANCZOS does, in -1..1. A tensor that has values below 0 is in that range already;
 * one with `latentChannels` channels holds latents and is left as it is.
 *
 * @returns float32 [N, 3, H, W].
 */
export async function prepareImages(
  codec: ImageCodec,
  images: ImagesInput,
  options: PreprocessOptions & { readonly latentChannels?: number } = {},
): Promise<Tensor> {
  const items = list(images, "images");
  const [first] = items;
  if (first instanceof Tensor && first.dims.at(-3) === options.latentChannels) {
    return Tensor.cat(items.map((item) => asBatch(item as Tensor)));
  }
  const tensors = await batch(
    items.map((item) => fitted(codec, item, "RGB", options)),
    "images",
  );
  const normalized = first instanceof Tensor && tensors.min().item() < 0;
  return normalized ? tensors : tensors.mul(2).sub(1);
}

/**
 * Images as a ControlNet takes them: resized as Pillow's LANCZOS does, in 0..1.
 *
 * @param options `mode`: their colours. Defaults to `"RGB"`.
 * @returns float32 [N, 3, H, W]; [N, 1, H, W] in mode `"L"`.
 */
export async function prepareControlImages(
  codec: ImageCodec,
  images: ImagesInput,
  { mode = "RGB", ...options }: PreprocessOptions & { readonly mode?: "L" | "RGB" },
): Promise<Tensor> {
  const items = list(images, "control images");
  return await batch(items.map((item) => fitted(codec, item, mode, options)), "control images");
}

/**
 * Masks as inpainting takes them: grey, resized, 1 from the middle value on, else 0.
 *
 * @returns float32 [N, 1, H, W], 1 where the image is to be inpainted.
 */
export async function prepareMasks(
  codec: ImageCodec,
  masks: ImagesInput,
  options: PreprocessOptions,
): Promise<Tensor> {
  const items = list(masks, "masks").map((item) => item instanceof Tensor ? asMask(item) : item);
  const tensors = await batch(items.map((item) => fitted(codec, item, "L", options)), "masks");
  return tensors.map((x) => x < 0.5 ? 0 : 1);
}

function asBatch(tensor: Tensor): Tensor {
  return tensor.dims.length === 3 ? tensor.unsqueeze(0) : tensor;
}

/** [H, W], [1, H, W] and [N, 1, H, W] are all masks. */
function asMask(tensor: Tensor): Tensor {
  if (tensor.dims.length === 2) return tensor.unsqueeze(0).unsqueeze(0);
  return tensor.dims.length === 3 ? tensor.unsqueeze(1) : tensor;
}

/** The size in pixels of the first image of a call, which may be latents. */
export async function firstImageSize(
  codec: ImageCodec,
  images: ImagesInput,
  vae: Autoencoder,
): Promise<ImageSize> {
  const first = list(images, "images")[0]!;
  const whole = first instanceof Tensor ? asBatch(first) : await codec.toTensor(first);
  return sizeInPixels(whole, vae);
}

/**
 * An image of about so many pixels in its own shape; see {@linkcode sizeOfArea}.
 *
 * @param area Pixels.
 * @returns float32 [1, 3, H, W] in 0..1; [1, 4, H, W] in mode `"RGBA"`.
 */
export async function imageOfArea(
  codec: ImageCodec,
  image: ImageInput,
  area: number,
  mode: "RGB" | "RGBA",
): Promise<Tensor> {
  const { dims } = await codec.toTensor(image, { mode });
  const size = sizeOfArea({ height: dims[2]!, width: dims[3]! }, area);
  return await codec.toTensor(image, { mode, ...size });
}
