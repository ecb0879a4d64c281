import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  randnTensor,
  type Tensor,
} from "@denoise/core";
import {
  type AutoencoderConfig,
  type ImagesInput,
  type ImageStartOptions,
  imageStartOptions,
  type NoiseStartOptions,
  prepareImages,
  retrieveTimesteps,
  timestepsLeft,
} from "@denoise/diffusion";
import type { Autoencoder } from "@denoise/roles";
import {
  type BeginDecoding,
  type DecoderFacts,
  type DecoderStart,
  type KandinskyDecoderComponents,
  type KandinskyDecoderOptions,
  kandinskyDecoderOptions,
  movqFactor,
} from "./decoder.ts";

/** Options of a call of the decoder that begins with an image. */
export interface KandinskyImageOptions
  extends Omit<KandinskyDecoderOptions, keyof NoiseStartOptions>, ImageStartOptions {
  /**
   * Width of the images in pixels, cut to a multiple of 8: as in diffusers height and width change places.
   * Defaults to 512.
   */
  readonly height?: number | undefined;
  /** Height of the images in pixels, cut to a multiple of 8. Defaults to 512. */
  readonly width?: number | undefined;
}

const { latents: _, ...plain } = kandinskyDecoderOptions;

/** The declarations of {@linkcode KandinskyImageOptions}. */
export const kandinskyImageOptions: CallOptions<KandinskyImageOptions> = {
  ...plain,
  ...imageStartOptions,
};

/** The defaults of {@linkcode KandinskyImageOptions}. */
export const kandinskyImageDefaults = {
  height: 512,
  width: 512,
  numInferenceSteps: 100,
  guidanceScale: 4,
  strength: 0.3,
} as const satisfies Partial<KandinskyImageOptions>;

/** From an image, noised as far as the first timestep says. */
export const beginWithImage: BeginDecoding<KandinskyImageOptions> = async (
  run,
  options,
  facts,
): Promise<DecoderStart> => {
  const { scheduler, movq } = run.components;
  const factor = movqFactor(movq);
  const cut = (side: number) => side - side % factor;
  // the reference gives its image processor the width as height, and the height as width
  const size = { height: cut(options.width ?? 512), width: cut(options.height ?? 512) };
  const clean = await cleanStart(run, options, facts, size);
  const added = randnTensor(clean.latents.dims, facts.noise.generator);
  return { ...clean, latents: scheduler.addNoise(clean.latents, added, [clean.timesteps[0]!]) };
};

/** What images of that size become, a row for each image to make, and the timesteps that the strength leaves. */
export async function cleanStart(
  run: PipelineRun<KandinskyDecoderComponents>,
  options: KandinskyImageOptions,
  { count }: DecoderFacts,
  size: ImageSize,
): Promise<DecoderStart> {
  const { scheduler, movq } = run.components;
  const { numInferenceSteps: steps = 100, strength = 0.3 } = options;
  const images = await imagesOf(run, options.image, size);
  const rows = await meanLatents(movq, images);
  const all = rows.repeatInterleave(options.numImagesPerPrompt ?? 1, 0);
  if (all.dims[0] !== count && all.dims[0] !== 1) {
    throw new RangeError(
      `Cannot begin ${count} images with ${rows.dims[0]}: give one image, or one for each vector`,
    );
  }
  const timesteps = timestepsLeft(retrieveTimesteps(scheduler, options), strength, steps);
  return { latents: all.dims[0] === count ? all : all.repeat([count, 1, 1, 1]), timesteps };
}

/** Images in that size, resized as the reference does, float32 [N, 3, H, W] in -1..1. */
export async function imagesOf(
  run: PipelineRun<KandinskyDecoderComponents>,
  images: ImagesInput,
  size: ImageSize,
): Promise<Tensor> {
  const how = { ...size, resample: "bicubic", reducingGap: 1 } as const;
  return await prepareImages(await run.images(), images, how);
}

/** What the autoencoder makes of images, float32 [N, C, h, w]; it draws nothing. */
export async function meanLatents(
  movq: Autoencoder<AutoencoderConfig>,
  images: Tensor,
): Promise<Tensor> {
  return (await movq.encode(images)).latentDist.mode();
}
