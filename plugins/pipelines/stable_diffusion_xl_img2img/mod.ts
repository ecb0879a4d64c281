/**
 * StableDiffusionXLImg2ImgPipeline: an image changed towards a text (SDEdit, arXiv:2108.01073), or
 * refined: the refiner of Podell et al. (arXiv:2307.01952) takes the latents of a run that ended at
 * `denoisingEnd` and goes on from the same `denoisingStart`.
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark.
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
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type Prompt,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  sdxl,
  type SdxlOptions,
  sdxlOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
  type XlAestheticOptions,
  xlAestheticOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLImg2ImgOptions
  extends
    SdxlOptions,
    XlAestheticOptions,
    ImageStartOptions,
    TimestepOptions,
    DenoisingRangeOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
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
    ...sdxlOptions,
    ...xlAestheticOptions,
    ...imageStartOptions,
    ...timestepOptions,
    ...denoisingRangeOptions,
    guidanceRescale: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.3, guidanceScale: 5 },
});
