/**
 * FluxKontextInpaintPipeline: what a mask covers of an image is inpainted as a text says, perhaps with
 * what another image shows, with FLUX.1 Kontext (Black Forest Labs, 2025, arXiv:2506.15742). The image says
 * the size, so that there is no `height`, `width` and `maxArea`, which diffusers passes over.
 *
 * Not covered: `paddingMaskCrop`.
 *
 * @example
 * ```ts ignore
 * import { FluxKontextInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxKontextInpaintPipeline.fromPretrained("black-forest-labs/FLUX.1-Kontext-dev");
 * const { images } = await pipe("this ball", {
 *   image: "room.png",
 *   maskImage: "mask.png",
 *   imageReference: "ball.png",
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  type FluxComponents,
  type FluxImagePromptOptions,
  fluxImagePromptOptions,
  fluxKontextInpainting,
  type FluxKontextInpaintOptions,
  fluxKontextInpaintOptions,
  type FluxOptions,
  fluxOptions,
  fromKontextMask,
  imagePromptedFlux,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxKontextInpaintCallOptions
  extends FluxOptions, FluxImagePromptOptions, FluxKontextInpaintOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxKontextInpaintArguments = [
  prompt: Prompt | undefined,
  options: FluxKontextInpaintCallOptions,
];

/** A loaded FluxKontextInpaintPipeline. */
export type FluxKontextInpaintPipeline = Pipeline<
  FluxComponents,
  FluxKontextInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images with FLUX.1 Kontext; `FluxKontextInpaintPipeline` of diffusers. */
export const FluxKontextInpaintPipeline: PipelineClass<
  FluxComponents,
  FluxKontextInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxKontextInpaintPipeline",
  task: "inpainting",
  family: fluxKontextInpainting,
  start: fromKontextMask,
  ...imagePromptedFlux,
  options: { ...fluxOptions, ...fluxImagePromptOptions, ...fluxKontextInpaintOptions },
  defaults: { numInferenceSteps: 28, strength: 1, guidanceScale: 3.5 },
});
