import { Generator, type PipelineRun, randnTensor, type Tensor } from "@denoise/core";
import { encodeToLatents, repeatRows } from "./image_latents.ts";
import { type LatentComponents, vaeScaleFactor } from "./latents.ts";
import type { BatchNoise } from "./noise.ts";
import { type ImagesInput, prepareImages, type PreprocessOptions } from "./image_input.ts";

/**
 * The latents that image to image begins with: those of the images, noised as far as the first
 * timestep says. Latents given as images are taken as they are.
 *
 * @param count Images to make; a single image stands for all of them.
 * @param timestep The first timestep; without one no noise is added.
 * @param size In pixels. Defaults to the images' own, cut to what the autoencoder takes.
 * @returns float32 [count, C, h, w].
 */
export async function noisedImageLatents(
  run: Pick<
    PipelineRun<LatentComponents>,
    "components" | "images"
  >,
  image: ImagesInput,
  count: number,
  { generator }: BatchNoise,
  timestep: number | undefined,
  size: Pick<PreprocessOptions, "height" | "width"> = {},
): Promise<Tensor> {
  const { vae, scheduler } = run.components;
  const images = await prepareImages(await run.images(), image, {
    height: size.height,
    width: size.width,
    multiple: vaeScaleFactor(vae),
    latentChannels: vae.config.latent_channels,
  });
  const shared = generator instanceof Generator;
  const rows = shared ? images : repeatRows(images, count, "images");
  const clean = await encodeToLatents(vae, rows, generator, count);
  if (timestep === undefined) return clean;
  return scheduler.addNoise(clean, randnTensor(clean.dims, generator), [timestep]);
}
