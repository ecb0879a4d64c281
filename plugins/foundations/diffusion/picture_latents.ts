import { Generator, type PipelineRun, randnTensor, type Tensor } from "@denoise/core";
import { encodePictures, repeatRows } from "./image_latents.ts";
import { type LatentComponents, vaeScaleFactor } from "./latents.ts";
import type { BatchNoise } from "./noise.ts";
import { type PicturesInput, preparePictures, type PreprocessOptions } from "./picture_input.ts";

/**
 * The latents that image to image begins with: those of the pictures, noised as far as the first
 * timestep says. Latents given as pictures are taken as they are.
 *
 * @param count Pictures to make; a single picture stands for all of them.
 * @param timestep The first timestep; without one no noise is added.
 * @param size In pixels; the pictures' own, cut to what the autoencoder takes, unless given.
 * @returns float32 [count, C, h, w].
 */
export async function pictureLatents(
  run: Pick<
    PipelineRun<LatentComponents>,
    "components" | "pictures"
  >,
  image: PicturesInput,
  count: number,
  { generator }: BatchNoise,
  timestep: number | undefined,
  size: Pick<PreprocessOptions, "height" | "width"> = {},
): Promise<Tensor> {
  const { vae, scheduler } = run.components;
  const pictures = await preparePictures(await run.pictures(), image, {
    height: size.height,
    width: size.width,
    multiple: vaeScaleFactor(vae),
    latentChannels: vae.config.latent_channels,
  });
  const shared = generator instanceof Generator;
  const rows = shared ? pictures : repeatRows(pictures, count, "pictures");
  const clean = await encodePictures(vae, rows, generator, count);
  if (timestep === undefined) return clean;
  return scheduler.addNoise(clean, randnTensor(clean.dims, generator), [timestep]);
}
