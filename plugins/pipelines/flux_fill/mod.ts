/**
 * FluxFillPipeline: what a mask covers of an image is inpainted, or what lies around it outpainted, with FLUX.1 Fill
 * (Black Forest Labs, 2024), whose transformer is given mask and masked image.
 *
 * @example
 * ```ts ignore
 * import { FluxFillPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxFillPipeline.fromPretrained("black-forest-labs/FLUX.1-Fill-dev");
 * const { images } = await pipe("a white paper cup", {
 *   image: "cup.png",
 *   maskImage: "mask.png",
 *   height: 1632,
 *   width: 1232,
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
  type FluxFillStartOptions,
  fluxFillStartOptions,
  fluxWith,
  fromImageToFill,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxFillOptions extends FluxBaseOptions, FluxFillStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxFillArguments = [prompt: Prompt | undefined, options: FluxFillOptions];

/** A loaded FluxFillPipeline. */
export type FluxFillPipeline = Pipeline<FluxComponents, FluxFillArguments, ImageOutput>;

/** Image, mask and text to images with FLUX.1 Fill; `FluxFillPipeline` of diffusers. */
export const FluxFillPipeline: PipelineClass<FluxComponents, FluxFillArguments, ImageOutput> =
  latentPipeline({
    className: "FluxFillPipeline",
    task: "inpainting",
    family: fluxWith({ name: "flux-fill" }),
    start: fromImageToFill,
    ...fluxComponents,
    options: { ...fluxBaseOptions, ...fluxFillStartOptions },
    defaults: { numInferenceSteps: 50, strength: 1, guidanceScale: 30 },
  });
