/**
 * StableDiffusionXLControlNetUnionPipeline: images from text and images of several kinds (a pose,
 * depth, edges) that say where things are. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image
 * Diffusion Models" (arXiv:2302.05543), with Stable Diffusion XL, Podell et al. (arXiv:2307.01952).
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetUnionModel, StableDiffusionXLControlNetUnionPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetUnionModel.fromPretrained("xinsir/controlnet-union-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetUnionPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", {
 *   controlImage: ["pose.png", "depth.png"],
 *   controlMode: [0, 1],
 *   controlnetConditioningScale: 0.5,
 *   seed: 0,
 * });
 * await images[0].save("bird.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledUnionXL,
  controlNetUnions,
  type ControlUnionOptions,
  controlUnionOptions,
  fromUnionNoise,
  sdxl,
  type SdxlTextOptions,
  sdxlTextOptions,
  unionFamily,
  type XlControlUnionComponents,
} from "@denoise/stable-diffusion";

export type { XlControlUnionComponents };

/** Options of a call. */
export interface StableDiffusionXLControlNetUnionOptions
  extends SdxlTextOptions, NoiseStartOptions, ControlUnionOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetUnionArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetUnionOptions,
];

/** A loaded StableDiffusionXLControlNetUnionPipeline. */
export type StableDiffusionXLControlNetUnionPipeline = Pipeline<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionArguments,
  ImageOutput
>;

/** Text and control images of several kinds to images; `StableDiffusionXLControlNetUnionPipeline` of diffusers. */
export const StableDiffusionXLControlNetUnionPipeline: PipelineClass<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetUnionPipeline",
  task: "text-to-image",
  family: unionFamily(sdxl),
  start: fromUnionNoise,
  control: controlNetUnions,
  ...controlledUnionXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlTextOptions,
    ...noiseStartOptions,
    ...controlUnionOptions,
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 1 },
});
