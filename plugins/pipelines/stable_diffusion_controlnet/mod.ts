/**
 * StableDiffusionControlNetPipeline: images from text and an image of edges, a pose or depth that
 * says where things are. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image
 * Diffusion Models" (arXiv:2302.05543); Stable Diffusion 1.x and 2.x.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", { image: "edges.png", seed: 0 });
 * await images[0].save("bird.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  type ControlComponents,
  controlled,
  type ControlledNoiseOptions,
  controlledNoiseOptions,
  controlNets,
  sd,
  type SdOptions,
  sdOptions,
} from "@denoise/stable-diffusion";

export type { ControlComponents };

/** Options of a call. */
export interface StableDiffusionControlNetOptions extends SdOptions, ControlledNoiseOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetOptions,
];

/** A loaded StableDiffusionControlNetPipeline. */
export type StableDiffusionControlNetPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetArguments,
  ImageOutput
>;

/** Text and a control image to images; `StableDiffusionControlNetPipeline` of diffusers. */
export const StableDiffusionControlNetPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetPipeline",
  task: "text-to-image",
  family: sd,
  start: fromNoise,
  control: controlNets,
  ...controlled,
  options: {
    ...sdOptions,
    ...controlledNoiseOptions,
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, controlnetConditioningScale: 1 },
});
