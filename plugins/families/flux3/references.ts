import {
  type ImageInput,
  type ImageSize,
  type PipelineRun,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import { type Fitted, type ImagesInput, latentSpace, latentsToTokens } from "@denoise/diffusion";
import type { Flux3Components } from "./components.ts";
import { imageIds } from "./tokens.ts";

/** Reference images as tokens beside those that are made. */
export interface Flux3References {
  /** float32 [1, tokens, C]. */
  readonly tokens: Tensor;
  /** float32 [tokens, 4]. */
  readonly ids: Tensor;
  /** The size of the first one, as it is seen. */
  readonly size: ImageSize;
  /** What cuts images of that size to the part that a single reference fills. */
  readonly fitted: Fitted | undefined;
}

/** Pixels of a token's side (`vae_scale_factor` of Flux3ImageProcessor). */
const TOKEN = 16;

/** The most pixels of a single reference with its padding, and the shortest and longest side. */
const [LARGEST, SHORTEST_SIDE, LONGEST_SIDE] = [4 * 1024 ** 2, 64, 4096];

/** The most pixels of one of several references. */
const LARGEST_OF_SEVERAL = 1024 ** 2;

/**
 * Encodes reference images (`Flux3ProcessImagesInputStep`, `Flux3VaeEncoderStep`). A single one is kept whole: it is
 * shrunk to 4 megapixels at most and filled up to whole tokens with its reflection. Of several each is shrunk to
 * 1 megapixel at most and cut to whole tokens around the middle.
 *
 * @throws {RangeError} for an empty list, and for one of several images with a side under 16 pixels.
 */
export async function encodeFlux3References(
  run: PipelineRun<Pick<Flux3Components, "vae">>,
  images: ImagesInput,
): Promise<Flux3References> {
  const list = Array.isArray(images) ? images as readonly ImageInput[] : [images as ImageInput];
  if (list.length === 0) {
    throw new RangeError(
      "Cannot take reference images: the list is empty; leave image out for none",
    );
  }
  const { vae } = run.components;
  const parts: { tokens: Tensor; ids: Tensor }[] = [];
  let first: Seen | undefined;
  for (const [i, image] of list.entries()) {
    const seen = list.length === 1 ? await whole(run, image) : await middle(run, image);
    first ??= seen;
    const { latentDist } = await vae.encode(seen.pixels.mul(2).sub(1));
    const latents = latentSpace(vae).normalize(latentDist.mode());
    const [rows, columns] = latents.dims.slice(2) as [number, number];
    parts.push({ tokens: latentsToTokens(latents), ids: imageIds(rows, columns, -1 - i) });
  }
  const [height, width] = first!.pixels.dims.slice(2) as [number, number];
  return {
    tokens: Tensor.cat(parts.map(({ tokens }) => tokens), 1),
    ids: Tensor.cat(parts.map(({ ids }) => ids), 0),
    size: { height, width },
    fitted: first!.fitted,
  };
}

/** A reference as it is encoded. */
interface Seen {
  /** float32 [1, 3, H, W] in 0..1. */
  readonly pixels: Tensor;
  readonly fitted?: Fitted | undefined;
}

/** A whole image, filled up to whole tokens with its reflection. */
async function whole(run: PipelineRun<object>, image: ImageInput): Promise<Seen> {
  const pixels = await sized(run, image, (own) => referenceCanvas(own).image);
  const [height, width] = pixels.dims.slice(2) as [number, number];
  const { canvas } = referenceCanvas({ height, width });
  const top = Math.floor((canvas.height - height) / 2);
  const left = Math.floor((canvas.width - width) / 2);
  const repeatsEdge = Math.min(height, width) <= TOKEN;
  const padded = reflected(
    reflected(pixels, 2, { before: top, length: canvas.height, repeatsEdge }),
    3,
    { before: left, length: canvas.width, repeatsEdge },
  );
  const fit = (made: Tensor) => made.slice(2, top, top + height).slice(3, left, left + width);
  return { pixels: padded, fitted: { size: { height, width }, fit } };
}

/** The middle of an image, cut to whole tokens. */
async function middle(run: PipelineRun<object>, image: ImageInput): Promise<Seen> {
  const pixels = await sized(run, image, ({ height, width }) => {
    if (height * width <= LARGEST_OF_SEVERAL) return { height, width };
    const scale = Math.sqrt(LARGEST_OF_SEVERAL / (width * height));
    return { height: Math.trunc(height * scale), width: Math.trunc(width * scale) };
  });
  const [height, width] = pixels.dims.slice(2) as [number, number];
  if (Math.min(height, width) < TOKEN) {
    throw new RangeError(
      `Cannot take one of several reference images that is ${width}x${height}: its sides must be at least ` +
        `${TOKEN} pixels`,
    );
  }
  return { pixels: centered(centered(pixels, 2), 3) };
}

/** An image as float32 [1, 3, H, W] in 0..1, in the size that is made of its own. */
async function sized(
  run: PipelineRun<object>,
  image: ImageInput,
  sizeOf: (own: ImageSize) => ImageSize,
): Promise<Tensor> {
  const codec = await run.images();
  const own = await codec.toTensor(image, { mode: "RGB" });
  const [height, width] = own.dims.slice(2) as [number, number];
  const size = sizeOf({ height, width });
  if (size.height === height && size.width === width) return own;
  return await codec.toTensor(image, { mode: "RGB", ...size });
}

/** The whole tokens that an image is filled up to. */
function canvasOf({ height, width }: ImageSize): ImageSize {
  const side = (length: number) =>
    Math.min(LONGEST_SIDE, Math.max(SHORTEST_SIDE, Math.ceil(length / TOKEN) * TOKEN));
  return { height: side(height), width: side(width) };
}

/**
 * The size in which a single reference image is seen, and that with its padding: at most 4 megapixels, and sides of at
 * most 4096 pixels.
 */
export function referenceCanvas(
  own: ImageSize,
): { readonly image: ImageSize; readonly canvas: ImageSize } {
  const longest = Math.max(own.height, own.width);
  let scale = Math.min(1, Math.sqrt(LARGEST / (own.width * own.height)), LONGEST_SIDE / longest);
  for (;;) {
    const side = (length: number) => Math.max(1, roundHalfEven(length * scale));
    const image = { height: side(own.height), width: side(own.width) };
    const canvas = canvasOf(image);
    if (canvas.height * canvas.width <= LARGEST) return { image, canvas };
    scale *= 0.995;
  }
}

/** An axis that goes on as its reflection, with or without its last element. */
function reflected(
  image: Tensor,
  axis: number,
  { before, length, repeatsEdge }: {
    readonly before: number;
    readonly length: number;
    readonly repeatsEdge: boolean;
  },
): Tensor {
  const own = image.dims[axis]!;
  if (own === length) return image;
  const period = repeatsEdge ? 2 * own : 2 * own - 2;
  const last = repeatsEdge ? period - 1 : period;
  const parts = Array.from({ length }, (_, i) => {
    const place = (((i - before) % period) + period) % period;
    const at = place < own ? place : last - place;
    return image.slice(axis, at, at + 1);
  });
  return Tensor.cat(parts, axis);
}

/** The middle of an axis, as long as whole tokens are. */
function centered(image: Tensor, axis: number): Tensor {
  const length = image.dims[axis]!;
  const kept = length - length % TOKEN;
  const start = Math.floor((length - kept) / 2);
  return image.slice(axis, start, start + kept);
}
