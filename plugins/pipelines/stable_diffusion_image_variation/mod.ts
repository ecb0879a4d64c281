/**
 * StableDiffusionImageVariationPipeline: variations of an image. The UNet is conditioned on the vector that
 * CLIP has for the image, in the place of a text: Pinkney's fine-tuned Stable Diffusion
 * (lambdalabs/sd-image-variations-diffusers).
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionImageVariationPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionImageVariationPipeline.fromPretrained(
 *   "lambdalabs/sd-image-variations-diffusers",
 *   { revision: "v2.0" },
 * );
 * const { images } = await pipe({ image: "boat.png", numImagesPerPrompt: 3, guidanceScale: 3 });
 * await images[0].save("another-boat.png");
 * ```
 *
 * @module
 */
import type { ComponentSpec, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  checkSafety,
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  promptlessPipeline,
} from "@denoise/diffusion";
import {
  imageVariation,
  type ImageVariationComponents,
  type ImageVariationOptions,
  imageVariationOptions,
} from "@denoise/stable-diffusion";

export type { ImageVariationComponents };

/** Options of a call. */
export interface StableDiffusionImageVariationOptions
  extends ImageVariationOptions, NoiseStartOptions {}

/** A loaded StableDiffusionImageVariationPipeline. */
export type StableDiffusionImageVariationPipeline = Pipeline<
  ImageVariationComponents,
  [options: StableDiffusionImageVariationOptions],
  ImageOutput
>;

const components: { readonly [K in keyof ImageVariationComponents]: ComponentSpec } = {
  vae: { kind: "model" },
  imageEncoder: { kind: "model" },
  unet: { kind: "model" },
  scheduler: { kind: "scheduler" },
  safetyChecker: { kind: "model", optional: true },
  featureExtractor: { kind: "processor" },
};

/** Images to variations of them; `StableDiffusionImageVariationPipeline` of diffusers. */
export const StableDiffusionImageVariationPipeline: PipelineClass<
  ImageVariationComponents,
  [options: StableDiffusionImageVariationOptions],
  ImageOutput
> = promptlessPipeline({
  className: "StableDiffusionImageVariationPipeline",
  task: "image-to-image",
  family: imageVariation,
  start: fromNoise,
  components,
  settings: { requires_safety_checker: true },
  prepare(components, warn, { className, settings }) {
    checkSafety(components, className, settings.requires_safety_checker === true, warn);
    return {};
  },
  options: { ...imageVariationOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5 },
});
