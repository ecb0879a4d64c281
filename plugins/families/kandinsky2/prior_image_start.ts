import { type CallOptions, type ImageInput, randnTensor, Tensor } from "@denoise/core";
import {
  type ImagesInput,
  type ImageStartOptions,
  imageStartOptions,
  retrieveTimesteps,
  timestepsLeft,
} from "@denoise/diffusion";
import {
  type BeginPrior,
  encodeImages,
  type PriorStart,
  type PriorTextOptions,
  priorTextOptions,
} from "./prior.ts";

/** Options of a call of a prior that begins with an image. */
export interface KandinskyPriorImageOptions
  extends Omit<PriorTextOptions, "latents">, ImageStartOptions {
  /** The image to begin with, or one for each prompt; or vectors of such, float32 [N, width]. */
  readonly image: ImagesInput;
}

const { latents: _, ...plain } = priorTextOptions;

/** The declarations of {@linkcode KandinskyPriorImageOptions}. */
export const kandinskyPriorImageOptions: CallOptions<KandinskyPriorImageOptions> = {
  ...plain,
  ...imageStartOptions,
};

/** From the vectors of images, noised as far as the first timestep says. */
export const beginPriorWithImage: BeginPrior<KandinskyPriorImageOptions> = async (
  { components },
  options,
  { count, noise },
): Promise<PriorStart> => {
  const { scheduler } = components;
  const { numInferenceSteps: steps = 25, strength = 0.3, numImagesPerPrompt = 1 } = options;
  const images = [options.image].flat() as readonly ImageInput[];
  const isVectors = images.every((image) => image instanceof Tensor && image.dims.length === 2);
  const vectors = isVectors
    ? Tensor.cat(images as readonly Tensor[])
    : await encodeImages(components, images);
  const rows = vectors.repeatInterleave(numImagesPerPrompt, 0);
  const have = rows.dims[0]!;
  if (have > count || count % have !== 0) {
    throw new RangeError(
      `Cannot begin ${count / numImagesPerPrompt} prompts with ${
        vectors.dims[0]
      } images: give one, or ` +
        "one for each",
    );
  }
  const all = rows.repeat([count / have, 1]);
  const timesteps = timestepsLeft(retrieveTimesteps(scheduler, options), strength, steps);
  const added = randnTensor(all.dims, noise.generator);
  return { latents: scheduler.addNoise(all, added, [timesteps[0]!]), timesteps };
};
