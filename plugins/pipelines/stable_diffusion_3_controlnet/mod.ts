/**
 * StableDiffusion3ControlNetPipeline: images from a text with Stable Diffusion 3 and 3.5 (Esser et al., 2024,
 * arXiv:2403.03206) and ControlNets: Zhang, Rao and Agrawala (arXiv:2302.05543). Each has an image of edges, a
 * pose or depth that says where things are.
 *
 * Control images are encoded without noise; diffusers draws some from torch's own generator, which the seed of a
 * call does not cover. Not covered: `controlnetPooledProjections`, on which diffusers 0.42.1 fails.
 *
 * @example
 * ```ts ignore
 * import { SD3ControlNetModel, StableDiffusion3ControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await SD3ControlNetModel.fromPretrained("InstantX/SD3-Controlnet-Canny");
 * const pipe = await StableDiffusion3ControlNetPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3-medium-diffusers",
 *   { controlnet },
 * );
 * const { images } = await pipe("a girl in a city", {
 *   controlImage: "edges.png",
 *   controlnetConditioningScale: 0.7,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  controlImageOption,
  controlRangeOptions,
  fromControlledNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledSd3,
  sd3,
  type Sd3ControlComponents,
  type Sd3ControlledOptions,
  sd3ControlNets,
  type Sd3Options,
  sd3Options,
} from "@denoise/sd3";

/** Options of a call. */
export interface StableDiffusion3ControlNetCallOptions
  extends Sd3Options, Sd3ControlledOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusion3ControlNetArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusion3ControlNetCallOptions,
];

/** A loaded StableDiffusion3ControlNetPipeline. */
export type StableDiffusion3ControlNetPipeline = Pipeline<
  Sd3ControlComponents,
  StableDiffusion3ControlNetArguments,
  ImageOutput
>;

/** Control images and text to images with Stable Diffusion 3; `StableDiffusion3ControlNetPipeline` of diffusers. */
export const StableDiffusion3ControlNetPipeline: PipelineClass<
  Sd3ControlComponents,
  StableDiffusion3ControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusion3ControlNetPipeline",
  task: "text-to-image",
  family: sd3,
  start: fromControlledNoise,
  control: sd3ControlNets,
  ...controlledSd3,
  options: {
    ...sd3Options,
    ...noiseStartOptions,
    ...controlRangeOptions,
    ...controlImageOption,
  },
  defaults: { numInferenceSteps: 28, guidanceScale: 7, controlnetConditioningScale: 1 },
});
