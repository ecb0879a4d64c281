/**
 * FluxControlNetImg2ImgPipeline: an image changed as a text says, with FLUX.1 (Black Forest Labs, 2024) and
 * ControlNets: Zhang, Rao and Agrawala (arXiv:2302.05543). Each has an image of edges, a pose or depth that
 * says where things are.
 *
 * @example
 * ```ts ignore
 * import { FluxControlNetImg2ImgPipeline, FluxControlNetModel } from "@denoise/denoise";
 *
 * const controlnet = await FluxControlNetModel.fromPretrained(
 *   "InstantX/FLUX.1-dev-Controlnet-Canny",
 * );
 * const pipe = await FluxControlNetImg2ImgPipeline.fromPretrained("black-forest-labs/FLUX.1-dev", {
 *   controlnet,
 * });
 * const { images } = await pipe("a girl in a city", {
 *   image: "photo.png",
 *   controlImage: "edges.png",
 *   strength: 0.7,
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
  controlledFlux,
  flux,
  type FluxBaseOptions,
  fluxBaseOptions,
  type FluxControlComponents,
  type FluxControlledOptions,
  fluxControlledOptions,
  fluxControlNets,
  withControlNets,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxControlNetImg2ImgOptions
  extends FluxBaseOptions, FluxControlledOptions, ResizedImageStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlNetImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: FluxControlNetImg2ImgOptions,
];

/** A loaded FluxControlNetImg2ImgPipeline. */
export type FluxControlNetImg2ImgPipeline = Pipeline<
  FluxControlComponents,
  FluxControlNetImg2ImgArguments,
  ImageOutput
>;

/** Image, control images and text to images; `FluxControlNetImg2ImgPipeline` of diffusers. */
export const FluxControlNetImg2ImgPipeline: PipelineClass<
  FluxControlComponents,
  FluxControlNetImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxControlNetImg2ImgPipeline",
  task: "image-to-image",
  family: flux,
  start: withControlNets(fromResizedImage),
  control: fluxControlNets,
  ...controlledFlux,
  options: { ...fluxBaseOptions, ...resizedImageStartOptions, ...fluxControlledOptions },
  defaults: {
    numInferenceSteps: 28,
    strength: 0.6,
    guidanceScale: 7,
    controlnetConditioningScale: 1,
  },
});
