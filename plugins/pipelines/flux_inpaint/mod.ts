/**
 * FluxInpaintPipeline: what a mask covers of an image is inpainted, after a text, with FLUX.1
 * (Black Forest Labs, 2024). Models with a mask as an input are for FluxFillPipeline.
 *
 * @example
 * ```ts ignore
 * import { FluxInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxInpaintPipeline.fromPretrained("black-forest-labs/FLUX.1-schnell");
 * const { images } = await pipe("a yellow cat", { image: "dog.png", maskImage: "mask.png", strength: 0.85 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  flux,
  type FluxComponents,
  type FluxImagePromptOptions,
  fluxImagePromptOptions,
  type FluxOptions,
  fluxOptions,
  fromFluxMask,
  imagePromptedFlux,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxInpaintCallOptions
  extends FluxOptions, FluxImagePromptOptions, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxInpaintArguments = [prompt: Prompt | undefined, options: FluxInpaintCallOptions];

/** A loaded FluxInpaintPipeline. */
export type FluxInpaintPipeline = Pipeline<FluxComponents, FluxInpaintArguments, ImageOutput>;

/** Image, mask and text to images with FLUX.1; `FluxInpaintPipeline` of diffusers. */
export const FluxInpaintPipeline: PipelineClass<FluxComponents, FluxInpaintArguments, ImageOutput> =
  latentPipeline({
    className: "FluxInpaintPipeline",
    task: "inpainting",
    family: flux,
    start: fromFluxMask,
    ...imagePromptedFlux,
    options: { ...fluxOptions, ...fluxImagePromptOptions, ...maskStartOptions },
    defaults: { numInferenceSteps: 28, strength: 0.6, guidanceScale: 7 },
  });
