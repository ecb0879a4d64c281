/**
 * StableDiffusionXLControlNetPAGPipeline: images from text and a control image with Stable
 * Diffusion XL, guided by what the UNet predicts with perturbed self-attention, too. Ahn et al.,
 * "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377).
 * `AutoPipeline` takes it with `enablePag: true`.
 *
 * Not covered: the invisible watermark. Where negative sizes are given for
 * several images, diffusers gives the ControlNet its rows in another order.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetPAGPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetPAGPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", {
 *   image: "edges.png",
 *   controlnetConditioningScale: 0.5,
 *   seed: 0,
 * });
 * await images[0].save("bird.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  type ControlledNoiseOptions,
  controlledNoiseOptions,
  controlledXL,
  controlNetsWith,
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sdxl,
  type SdxlTextOptions,
  sdxlTextOptions,
  type XlControlComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetPAGOptions
  extends SdxlTextOptions, Omit<ControlledNoiseOptions, "guessMode">, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetPAGArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetPAGOptions,
];

const { guessMode: _, ...controlOptions } = controlledNoiseOptions;

/** A loaded StableDiffusionXLControlNetPAGPipeline. */
export type StableDiffusionXLControlNetPAGPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetPAGArguments,
  ImageOutput
>;

/** Text and a control image to images; `StableDiffusionXLControlNetPAGPipeline` of diffusers. */
export const StableDiffusionXLControlNetPAGPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetPAGArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetPAGPipeline",
  task: "text-to-image",
  family: perturbed(sdxl),
  start: fromNoise,
  control: controlNetsWith({ guessModeAsGiven: true }),
  ...controlledXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...pagOptions,
    ...sdxlTextOptions,
    ...controlOptions,
  },
  defaults: {
    ...pagDefaults,
    numInferenceSteps: 50,
    guidanceScale: 5,
    controlnetConditioningScale: 1,
  },
});
