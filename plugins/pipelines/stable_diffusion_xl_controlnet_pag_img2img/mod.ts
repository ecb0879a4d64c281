/**
 * StableDiffusionXLControlNetPAGImg2ImgPipeline: an image changed towards a text and a control
 * image with Stable Diffusion XL, guided by what the UNet predicts with perturbed self-attention,
 * too. Ahn et al., "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance"
 * (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag: true`.
 *
 * Not covered: the invisible watermark. Guess mode is an option that
 * diffusers takes and does not use; it is not one here.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetPAGImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-depth-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetPAGImg2ImgPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "depth.png",
 *   strength: 0.7,
 * });
 * await images[0].save("bronze.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type ControlledImageOptions,
  controlledImageOptions,
  controlledXL,
  controlNetsWith,
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  type SdxlOptions,
  sdxlOptions,
  sdxlWith,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlControlComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetPAGImg2ImgOptions
  extends
    SdxlOptions,
    XlAestheticOptions,
    ImageStartOptions,
    Omit<ControlledImageOptions, "guessMode">,
    NoiseStartOptions,
    PagOptions {
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetPAGImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetPAGImg2ImgOptions,
];

const { guessMode: _, ...controlOptions } = controlledImageOptions;

/** A loaded StableDiffusionXLControlNetPAGImg2ImgPipeline. */
export type StableDiffusionXLControlNetPAGImg2ImgPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetPAGImg2ImgArguments,
  ImageOutput
>;

/** Image, control image and text to images; `StableDiffusionXLControlNetPAGImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLControlNetPAGImg2ImgPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetPAGImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetPAGImg2ImgPipeline",
  task: "image-to-image",
  family: perturbed(sdxlWith({ withoutTimestepCond: true })),
  start: fromImage,
  control: controlNetsWith({ guessModeAsGiven: true }),
  ...controlledXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...pagOptions,
    ...sdxlOptions,
    ...xlAestheticOptions,
    ...imageStartOptions,
    ...controlOptions,
    ...noiseStartOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
  },
  defaults: {
    ...pagDefaults,
    numInferenceSteps: 50,
    strength: 0.8,
    guidanceScale: 5,
    controlnetConditioningScale: 0.8,
  },
});
