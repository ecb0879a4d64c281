/**
 * StableDiffusionControlNetPAGPipeline: images from text and a control image, guided by what the
 * UNet predicts with perturbed self-attention, too. Ahn et al., "Self-Rectifying Diffusion Sampling
 * with Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag:
 * true`.
 *
 * In guess mode with guidance the perturbed rows are
 * controlled as those of the text; diffusers fails there.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetPAGPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetPAGPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", { image: "edges.png", pagScale: 3, seed: 0 });
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
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  sd,
  type SdOptions,
  sdOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetPAGOptions
  extends SdOptions, ControlledNoiseOptions, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetPAGArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetPAGOptions,
];

/** A loaded StableDiffusionControlNetPAGPipeline. */
export type StableDiffusionControlNetPAGPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetPAGArguments,
  ImageOutput
>;

/** Text and a control image to images; `StableDiffusionControlNetPAGPipeline` of diffusers. */
export const StableDiffusionControlNetPAGPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetPAGArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetPAGPipeline",
  task: "text-to-image",
  family: perturbed(sd),
  start: fromNoise,
  control: controlNets,
  ...controlled,
  options: {
    ...pagOptions,
    ...sdOptions,
    ...controlledNoiseOptions,
  },
  defaults: {
    ...pagDefaults,
    numInferenceSteps: 50,
    guidanceScale: 7.5,
    controlnetConditioningScale: 1,
  },
});
