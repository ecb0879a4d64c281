import { drawBatch, Generator, type PipelineRun, type Scheduler, type Tensor } from "@denoise/core";
import {
  type BatchNoise,
  type ImagesInput,
  prepareControlImages,
  repeatRows,
} from "@denoise/diffusion";
import { type AmusedComponents, sideMultiple } from "./components.ts";

/** Images as tokens. */
export interface ImageTokens {
  /** int64 [images, h, w]. */
  readonly tokens: Tensor;
  /** Height of the images in pixels. */
  readonly height: number;
  /** Width of the images in pixels. */
  readonly width: number;
}

/**
 * Images to tokens; their sides are cut down to multiples of what the models take.
 *
 * @param images Their tensors are float32 [N, 3, H, W] in 0..1.
 */
export async function tokensOfImages(
  run: PipelineRun<AmusedComponents>,
  images: ImagesInput,
): Promise<ImageTokens> {
  const { vqvae } = run.components;
  const multiple = sideMultiple(run.components);
  const pixels = await prepareControlImages(await run.images(), images, { multiple });
  const { latents } = await vqvae.encode(pixels);
  const { indices } = await vqvae.quantize(latents);
  const [count, , rows, columns] = latents.dims as [number, number, number, number];
  const [height, width] = pixels.dims.slice(2) as [number, number];
  return { tokens: indices.reshape([count, rows, columns]), height, width };
}

/**
 * Tokens for each image to make, some of them masked by chance as at a timestep. A single generator draws for each
 * image given, as in the reference; own ones for each image made.
 */
export function maskedByChance(
  scheduler: Scheduler,
  tokens: Tensor,
  timestep: number,
  { count, noise: { generator } }: { readonly count: number; readonly noise: BatchNoise },
): Tensor {
  const mask = (all: Tensor) => {
    const chance = drawBatch(all.dims, generator, (own, dims) => own.rand(dims));
    return scheduler.addNoise(all, chance, Array<number>(all.dims[0]!).fill(timestep));
  };
  const spread = (all: Tensor) => repeatRows(all, count, "images");
  return generator instanceof Generator ? spread(mask(tokens)) : mask(spread(tokens));
}
