/**
 * StableDiffusionXLControlNetXSPipeline: images from text and an image of edges or depth that a ControlNet-XS
 * follows, a small network that talks with the UNet at each of its blocks. Zavadski, Feiden and Rother
 * (arXiv:2312.06573), with Stable Diffusion XL, Podell et al. (arXiv:2307.01952).
 *
 * The UNet is joined with the adapter when the pipeline is made, so that `pipe.unet` is a
 * UNetControlNetXSModel then.
 *
 * @example
 * ```ts ignore
 * import { ControlNetXSAdapter, StableDiffusionXLControlNetXSPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetXSAdapter.fromPretrained("UmerHA/Testing-ConrolNetXS-SDXL-canny");
 * const pipe = await StableDiffusionXLControlNetXSPipeline.fromPretrained(
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
import {
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt, timestepOptions } from "@denoise/diffusion";
import {
  controlledXSXL,
  controlNetXS,
  type ControlXSOptions,
  controlXSOptions,
  sdxl,
  type XlControlXSComponents,
  type XlPromptOptions,
  xlPromptOptions,
  type XlSizeOptions,
  xlSizeOptions,
  xsFamily,
} from "@denoise/stable-diffusion";

export type { XlControlXSComponents };

/** Options of a call. */
export interface StableDiffusionXLControlNetXSOptions
  extends RunOptions, XlPromptOptions, XlSizeOptions, ControlXSOptions {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the image follows the prompt. Defaults to 5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetXSArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetXSOptions,
];

/** A loaded StableDiffusionXLControlNetXSPipeline. */
export type StableDiffusionXLControlNetXSPipeline = Pipeline<
  XlControlXSComponents,
  StableDiffusionXLControlNetXSArguments,
  ImageOutput
>;

/** Text and an image to follow to images; `StableDiffusionXLControlNetXSPipeline` of diffusers. */
export const StableDiffusionXLControlNetXSPipeline: PipelineClass<
  XlControlXSComponents,
  StableDiffusionXLControlNetXSArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetXSPipeline",
  task: "text-to-image",
  family: xsFamily(sdxl),
  start: fromNoise,
  control: controlNetXS,
  ...controlledXSXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...runOptions,
    ...xlPromptOptions,
    ...xlSizeOptions,
    ...controlXSOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    guidanceScale: { type: "number" },
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 1 },
});
