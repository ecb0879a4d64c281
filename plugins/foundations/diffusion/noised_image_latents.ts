import { Generator, randnTensor, type Tensor } from "@denoise/core";
import { encodeToLatents, repeatRows } from "./image_latents.ts";
import type { LatentComponents } from "./latents.ts";
import type { BatchNoise } from "./noise.ts";

/**
 * The latents that image to image begins with: those of the images, noised as far as the first
 * timestep says. Latents given as images are taken as they are.
 *
 * @param images float32 [N, 3, H, W] in -1..1, or latents.
 * @param count Images to make; a single image stands for all of them.
 * @param timestep The first timestep; without one no noise is added.
 * @returns float32 [count, C, h, w].
 */
export async function noisedImageLatents(
  { vae, scheduler }: LatentComponents,
  images: Tensor,
  count: number,
  { generator }: BatchNoise,
  timestep: number | undefined,
): Promise<Tensor> {
  const shared = generator instanceof Generator;
  const rows = shared ? images : repeatRows(images, count, "images");
  const clean = await encodeToLatents(vae, rows, generator, count);
  if (timestep === undefined) return clean;
  return scheduler.addNoise(clean, randnTensor(clean.dims, generator), [timestep]);
}

/**
 * The same, where each image is encoded once and not once for each image to make, so that generators
 * draw as in pipelines of flows: one for each image given, then for each that is made.
 */
export async function noisedGivenImages(
  { vae, scheduler }: LatentComponents,
  images: Tensor,
  count: number,
  { generator }: BatchNoise,
  timestep: number,
): Promise<Tensor> {
  const clean = await encodeToLatents(vae, images, generator, count);
  return scheduler.addNoise(clean, randnTensor(clean.dims, generator), [timestep]);
}
