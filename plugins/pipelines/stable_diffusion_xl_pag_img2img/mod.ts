/**
 * StableDiffusionXLPAGImg2ImgPipeline: an image changed towards a text with Stable Diffusion XL,
 * guided by what the UNet predicts with perturbed self-attention, too. Ahn et al., "Self-Rectifying
 * Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it
 * with `enablePag: true`.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPAGImg2ImgPipeline, StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const base = await StableDiffusionXLPipeline.fromPretrained("./sdxl-base");
 * const refiner = await StableDiffusionXLPAGImg2ImgPipeline.fromPretrained("./sdxl-refiner");
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
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sdxl,
  type SdxlImageOptions,
  sdxlImageOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLPAGImg2ImgOptions
  extends SdxlImageOptions, ImageStartOptions, PagOptions {
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLPAGImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLPAGImg2ImgOptions,
];

/** A loaded StableDiffusionXLPAGImg2ImgPipeline. */
export type StableDiffusionXLPAGImg2ImgPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionXLPAGImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLPAGImg2ImgPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLPAGImg2ImgPipeline",
  task: "image-to-image",
  family: perturbed(sdxl),
  start: fromImage,
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...pagOptions,
    ...sdxlImageOptions,
    ...imageStartOptions,
    latents: { type: "tensor" },
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, strength: 0.3, guidanceScale: 5 },
});
