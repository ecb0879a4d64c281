/**
 * FluxControlInpaintPipeline: what a mask covers of an image is inpainted, after a text and an image of
 * edges or depth that says where things are, with FLUX.1 Canny and Depth (Black Forest Labs, 2024).
 *
 * Not covered: `maskedImageLatents`.
 *
 * @example
 * ```ts ignore
 * import { FluxControlInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxControlInpaintPipeline.fromPretrained("black-forest-labs/FLUX.1-Depth-dev");
 * const { images } = await pipe("a blue robot", {
 *   image: "robot.png",
 *   maskImage: "head.png",
 *   controlImage: "depth.png",
 *   strength: 0.9,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  type FluxBaseOptions,
  fluxBaseOptions,
  type FluxComponents,
  fluxComponents,
  fluxControlImageOptions,
  type FluxControlInpaintStartOptions,
  fluxMaskedOptions,
  fluxWith,
  fromControlledFluxMask,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxControlInpaintCallOptions
  extends FluxBaseOptions, FluxControlInpaintStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlInpaintArguments = [
  prompt: Prompt | undefined,
  options: FluxControlInpaintCallOptions,
];

/** A loaded FluxControlInpaintPipeline. */
export type FluxControlInpaintPipeline = Pipeline<
  FluxComponents,
  FluxControlInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images with FLUX.1; `FluxControlInpaintPipeline` of diffusers. */
export const FluxControlInpaintPipeline: PipelineClass<
  FluxComponents,
  FluxControlInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxControlInpaintPipeline",
  task: "inpainting",
  family: fluxWith({ name: "flux-control" }),
  start: fromControlledFluxMask,
  ...fluxComponents,
  options: { ...fluxBaseOptions, ...fluxMaskedOptions, ...fluxControlImageOptions },
  defaults: { numInferenceSteps: 28, strength: 0.6, guidanceScale: 7 },
});
