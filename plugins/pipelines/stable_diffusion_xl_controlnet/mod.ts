/**
 * StableDiffusionXLControlNetPipeline: images from text and an image of edges, a pose or depth
 * that says where things are. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image
 * Diffusion Models" (arXiv:2302.05543), with Stable Diffusion XL, Podell et al. (arXiv:2307.01952).
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetPipeline.fromPretrained(
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
  controlNets,
  sdxl,
  type SdxlTextOptions,
  sdxlTextOptions,
  type XlControlComponents,
} from "@denoise/stable-diffusion";

export type { XlControlComponents };

/** Options of a call. */
export interface StableDiffusionXLControlNetOptions
  extends SdxlTextOptions, ControlledNoiseOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetOptions,
];

/** A loaded StableDiffusionXLControlNetPipeline. */
export type StableDiffusionXLControlNetPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetArguments,
  ImageOutput
>;

/** Text and a control image to images; `StableDiffusionXLControlNetPipeline` of diffusers. */
export const StableDiffusionXLControlNetPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetPipeline",
  task: "text-to-image",
  family: sdxl,
  start: fromNoise,
  control: controlNets,
  ...controlledXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlTextOptions,
    ...controlledNoiseOptions,
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 1 },
});
