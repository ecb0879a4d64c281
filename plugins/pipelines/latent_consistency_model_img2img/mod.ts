/**
 * LatentConsistencyModelImg2ImgPipeline: an image changed towards a text in one to eight steps, as
 * SDEdit does (arXiv:2108.01073), by a model that says the clean image at once: Luo et al.,
 * "Latent Consistency Models" (arXiv:2310.04378).
 * Guidance is part of the model: it is conditioned on the guidance scale, so a step costs one call and there
 * are no negative prompts.
 *
 * @example
 * ```ts ignore
 * import { LatentConsistencyModelImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await LatentConsistencyModelImg2ImgPipeline.fromPretrained(
 *   "SimianLuo/LCM_Dreamshaper_v7",
 * );
 * const { images } = await pipe("a lighthouse at dusk", { image: "sketch.png", strength: 0.7 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass, Tensor } from "@denoise/core";
import {
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type Prompt,
} from "@denoise/diffusion";
import {
  type ConsistencyOptions,
  consistencyOptions,
  latentConsistency,
  lcm,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface LatentConsistencyModelImg2ImgOptions
  extends ConsistencyOptions, ImageStartOptions {
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LatentConsistencyModelImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: LatentConsistencyModelImg2ImgOptions,
];

/** A loaded LatentConsistencyModelImg2ImgPipeline. */
export type LatentConsistencyModelImg2ImgPipeline = Pipeline<
  StableDiffusionComponents,
  LatentConsistencyModelImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `LatentConsistencyModelImg2ImgPipeline` of diffusers. */
export const LatentConsistencyModelImg2ImgPipeline: PipelineClass<
  StableDiffusionComponents,
  LatentConsistencyModelImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "LatentConsistencyModelImg2ImgPipeline",
  task: "image-to-image",
  family: lcm,
  start: fromImage,
  ...latentConsistency,
  options: {
    ...consistencyOptions,
    ...imageStartOptions,
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 4, strength: 0.8, guidanceScale: 8.5 },
});
