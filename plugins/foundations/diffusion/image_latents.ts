import { Generator, type GeneratorInput, type RunOptions, Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import { latentSpace } from "./latents.ts";

/**
 * Repeats the rows of a batch until there are `count`.
 *
 * @throws {RangeError} when `count` is no multiple of them.
 */
export function repeatRows(rows: Tensor, count: number, what: string): Tensor {
  const have = rows.dims[0]!;
  if (have === count) return rows;
  if (have > count || count % have !== 0) {
    throw new RangeError(
      `Cannot spread ${have} ${what} over ${count} images: give one, or one for each image`,
    );
  }
  return rows.repeat([count / have, ...rows.dims.slice(1).map(() => 1)]);
}

/**
 * The images that noise is drawn for: given generators draw as in the reference, for each image given; own ones for
 * each image to make.
 *
 * @param count Images to make.
 * @throws {RangeError} when own generators draw and `count` is no multiple of the images.
 */
export function drawnImages(
  images: Tensor,
  count: number,
  { generator }: Pick<RunOptions, "generator">,
): Tensor {
  return generator === undefined ? repeatRows(images, count, "images") : images;
}

/**
 * Images to latents, drawn from the encoder's distribution and scaled. Of several
 * generators the first draws for the first image, and so on.
 *
 * @param images float32 [N, 3, H, W] in -1..1; latents are given back as they are.
 * @param count How many rows are wanted; the latents are repeated to that.
 * @returns float32 [count, C, h, w].
 */
export async function encodeToLatents(
  vae: Autoencoder,
  images: Tensor,
  generator: GeneratorInput,
  count: number,
): Promise<Tensor> {
  if (images.dims[1] === latentSpace(vae).channels) return repeatRows(images, count, "images");
  if (generator instanceof Generator) {
    const { latentDist } = await vae.encode(images);
    return repeatRows(latentSpace(vae).normalize(latentDist.sample(generator)), count, "images");
  }
  const latents: Tensor[] = [];
  for (let i = 0; i < images.dims[0]!; i++) {
    const { latentDist } = await vae.encode(images.slice(0, i, i + 1));
    latents.push(latentSpace(vae).normalize(latentDist.sample(generator[i])));
  }
  return repeatRows(Tensor.cat(latents), count, "images");
}

/**
 * Images to latents without noise: the means of the encoder's distribution, scaled.
 *
 * @param images float32 [N, 3, H, W] in -1..1; latents are given back as they are.
 * @param count How many rows are wanted; the latents are repeated to that.
 * @returns float32 [count, C, h, w].
 */
export async function imageLatentMeans(
  vae: Autoencoder,
  images: Tensor,
  count: number,
): Promise<Tensor> {
  if (images.dims[1] === latentSpace(vae).channels) return repeatRows(images, count, "images");
  const { latentDist } = await vae.encode(images);
  return repeatRows(latentSpace(vae).normalize(latentDist.mode()), count, "images");
}

/**
 * Repeats the rows that control a batch: one for all images, or one for each prompt.
 *
 * @param prompts How many prompts there are.
 * @param count How many images are made of them.
 * @throws {RangeError} for another number of rows.
 */
export function repeatForPrompts(rows: Tensor, prompts: number, count: number): Tensor {
  const have = rows.dims[0]!;
  if (have === 1 || have === prompts) return rows.repeatInterleave(count / have, 0);
  throw new RangeError(
    `Cannot control ${prompts} prompts by ${have} images: give one, or one for each prompt`,
  );
}
