/**
 * FluxControlNetInpaintPipeline: what a mask covers of an image is inpainted, after a text, with FLUX.1
 * (Black Forest Labs, 2024) and ControlNets: Zhang, Rao and Agrawala (arXiv:2302.05543). `paddingMaskCrop`
 * crops image and mask, and not the control images, and gives that part alone, as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { FluxControlNetInpaintPipeline, FluxControlNetModel } from "@denoise/denoise";
 *
 * const controlnet = await FluxControlNetModel.fromPretrained(
 *   "InstantX/FLUX.1-dev-Controlnet-Canny",
 * );
 * const pipe = await FluxControlNetInpaintPipeline.fromPretrained("black-forest-labs/FLUX.1-dev", {
 *   controlnet,
 * });
 * const { images } = await pipe("a girl in a city", {
 *   image: "photo.png",
 *   maskImage: "mask.png",
 *   controlImage: "edges.png",
 * });
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
  controlledFlux,
  flux,
  type FluxBaseOptions,
  fluxBaseOptions,
  type FluxControlComponents,
  type FluxControlledOptions,
  fluxControlledOptions,
  fluxControlNets,
  fromFluxMaskAlone,
  withControlNets,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxControlNetInpaintCallOptions
  extends FluxBaseOptions, FluxControlledOptions, MaskStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlNetInpaintArguments = [
  prompt: Prompt | undefined,
  options: FluxControlNetInpaintCallOptions,
];

/** A loaded FluxControlNetInpaintPipeline. */
export type FluxControlNetInpaintPipeline = Pipeline<
  FluxControlComponents,
  FluxControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control images and text to images with FLUX.1; `FluxControlNetInpaintPipeline` of diffusers. */
export const FluxControlNetInpaintPipeline: PipelineClass<
  FluxControlComponents,
  FluxControlNetInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxControlNetInpaintPipeline",
  task: "inpainting",
  family: flux,
  start: withControlNets(fromFluxMaskAlone),
  control: fluxControlNets,
  ...controlledFlux,
  options: { ...fluxBaseOptions, ...maskStartOptions, ...fluxControlledOptions },
  defaults: {
    numInferenceSteps: 28,
    strength: 0.6,
    guidanceScale: 7,
    controlnetConditioningScale: 1,
  },
});
