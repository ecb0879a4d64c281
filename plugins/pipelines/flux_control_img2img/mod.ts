/**
 * FluxControlImg2ImgPipeline: an image changed as a text says, with another image of edges or depth that
 * says where things are, with FLUX.1 Canny and Depth (Black Forest Labs, 2024).
 *
 * @example
 * ```ts ignore
 * import { FluxControlImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxControlImg2ImgPipeline.fromPretrained("black-forest-labs/FLUX.1-Depth-dev");
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "depth.png",
 *   strength: 0.8,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromResizedImage,
  latentPipeline,
  type Prompt,
  type ResizedImageStartOptions,
  resizedImageStartOptions,
} from "@denoise/diffusion";
import {
  type FluxBaseOptions,
  fluxBaseOptions,
  type FluxComponents,
  fluxComponents,
  type FluxControlImageOptions,
  fluxControlImageOptions,
  fluxWith,
  withControlImage,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxControlImg2ImgOptions
  extends FluxBaseOptions, FluxControlImageOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: FluxControlImg2ImgOptions,
];

/** A loaded FluxControlImg2ImgPipeline. */
export type FluxControlImg2ImgPipeline = Pipeline<
  FluxComponents,
  FluxControlImg2ImgArguments,
  ImageOutput
>;

/** Image, control image and text to images with FLUX.1; `FluxControlImg2ImgPipeline` of diffusers. */
export const FluxControlImg2ImgPipeline: PipelineClass<
  FluxComponents,
  FluxControlImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxControlImg2ImgPipeline",
  task: "image-to-image",
  family: fluxWith({ name: "flux-control" }),
  start: withControlImage(fromResizedImage),
  ...fluxComponents,
  options: { ...fluxBaseOptions, ...resizedImageStartOptions, ...fluxControlImageOptions },
  defaults: { numInferenceSteps: 28, strength: 0.6, guidanceScale: 7 },
});
