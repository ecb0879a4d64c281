/**
 * StableDiffusionXLImg2ImgPipeline: an image changed towards a text (SDEdit, arXiv:2108.01073), or
 * refined: the refiner of Podell et al. (arXiv:2307.01952) takes the latents of a run that ended at
 * `denoisingEnd` and goes on from the same `denoisingStart`.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const base = await StableDiffusionXLPipeline.fromPretrained("./sdxl-base");
 * const refiner = await StableDiffusionXLImg2ImgPipeline.fromPretrained("./sdxl-refiner");
 * const prompt = "a lighthouse at dusk, film grain";
 * const { tensor } = await base(prompt, { denoisingEnd: 0.8, outputType: "latent" });
 * const { images } = await refiner(prompt, { image: tensor, denoisingStart: 0.8 });
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
  sdxl,
  type SdxlImageOptions,
  sdxlImageOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLImg2ImgOptions extends SdxlImageOptions, ImageStartOptions {
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLImg2ImgOptions,
];

/** A loaded StableDiffusionXLImg2ImgPipeline. */
export type StableDiffusionXLImg2ImgPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionXLImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLImg2ImgPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLImg2ImgPipeline",
  task: "image-to-image",
  family: sdxl,
  start: fromImage,
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlImageOptions,
    ...imageStartOptions,
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.3, guidanceScale: 5 },
  blocks: { StableDiffusionXLModularPipeline: { _defaults: { guidance_scale: 7.5 } } },
});
