import { type ImageInput, type ImageSize, type PipelineRun, Tensor } from "@denoise/core";
import { type ImagesInput, latentSpace, latentsToTokens } from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";
import { imageIds } from "./tokens.ts";

/** Reference images as tokens behind those that are made. */
export interface Flux2References {
  /** float32 [1, tokens, C]. */
  readonly tokens: Tensor;
  /** float32 [tokens, 4]. */
  readonly ids: Tensor;
  /** The size of the first one, as it is seen. */
  readonly size: ImageSize;
}

/** How reference images are taken. */
export interface ReferenceOptions {
  /** How many images are before them. Defaults to 0. */
  readonly first?: number;
  /** The fewest pixels of a side. Defaults to 64. */
  readonly shortest?: number;
}

/** The most pixels of a reference image; larger ones are shrunk. */
const LARGEST = 1024 ** 2;

/** The shortest side in pixels, and how many times as long the other one may be. */
const [SHORTEST, LONGEST] = [64, 8];

/**
 * Encodes reference images: those of more than 1024² pixels are shrunk, sides are cut to whole tokens around
 * the middle.
 *
 * @throws {RangeError} for an empty list, a side under 64 pixels, or one more than 8 times the other.
 */
export async function encodeReferences(
  run: PipelineRun<Pick<Flux2Components, "vae">>,
  images: ImagesInput,
  { first = 0, shortest = SHORTEST }: ReferenceOptions = {},
): Promise<Flux2References> {
  const list = Array.isArray(images) ? images as readonly ImageInput[] : [images as ImageInput];
  if (list.length === 0) {
    throw new RangeError(
      "Cannot take reference images: the list is empty; leave image out for none",
    );
  }
  const { vae } = run.components;
  const space = latentSpace(vae);
  const parts: { tokens: Tensor; ids: Tensor }[] = [];
  let size: ImageSize | undefined;
  for (const [i, image] of list.entries()) {
    const seen = await fitted(run, image, shortest);
    const [height, width] = seen.dims.slice(2) as [number, number];
    size ??= { height, width };
    const { latentDist } = await vae.encode(seen.mul(2).sub(1));
    const latents = space.normalize(latentDist.mode());
    const [rows, columns] = latents.dims.slice(2) as [number, number];
    parts.push({ tokens: latentsToTokens(latents), ids: referenceIds(rows, columns, first + i) });
  }
  return {
    tokens: Tensor.cat(parts.map(({ tokens }) => tokens), 1),
    ids: Tensor.cat(parts.map(({ ids }) => ids), 0),
    size: size!,
  };
}

/** Coordinates of the tokens of a reference image: far from the image that is made, and from each other. */
export function referenceIds(rows: number, columns: number, index: number): Tensor {
  return imageIds(rows, columns, 10 + 10 * index);
}

/** The size of an image of at most 1024² pixels, in its shape. */
export function shrunkSize({ height, width }: ImageSize): ImageSize {
  if (height * width <= LARGEST) return { height, width };
  const scale = Math.sqrt(LARGEST / (width * height));
  return { height: Math.trunc(height * scale), width: Math.trunc(width * scale) };
}

/** An image as float32 [1, 3, H, W] in 0..1, small enough and cut to whole tokens. */
async function fitted(
  run: PipelineRun<Pick<Flux2Components, "vae">>,
  image: ImageInput,
  shortest: number,
): Promise<Tensor> {
  const codec = await run.images();
  let seen = await codec.toTensor(image, { mode: "RGB" });
  const [height, width] = seen.dims.slice(2) as [number, number];
  const multiple = latentSpace(run.components.vae).factor;
  if (Math.min(height, width) < Math.max(shortest, multiple)) {
    throw new RangeError(
      `Cannot take a reference image of ${width}x${height}: its sides must be at least ` +
        `${Math.max(shortest, multiple)} pixels`,
    );
  }
  if (Math.max(width / height, height / width) > LONGEST) {
    throw new RangeError(
      `Cannot take a reference image of ${width}x${height}: no side may be more than ${LONGEST} times ` +
        "as long as the other",
    );
  }
  const size = shrunkSize({ height, width });
  if (size.height !== height) seen = await codec.toTensor(image, { mode: "RGB", ...size });
  return centered(centered(seen, 2, multiple), 3, multiple);
}

/** The middle of an axis, as long as whole tokens are. */
function centered(image: Tensor, axis: number, multiple: number): Tensor {
  const length = image.dims[axis]!;
  const kept = length - length % multiple;
  const start = Math.floor((length - kept) / 2);
  return image.slice(axis, start, start + kept);
}
