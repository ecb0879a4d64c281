/**
 * FluxControlNetPipeline: images from a text with FLUX.1 (Black Forest Labs, 2024) and ControlNets: Zhang, Rao
 * and Agrawala (arXiv:2302.05543). Each has an image of edges, a pose or depth that says where things are;
 * unions are given its kind as `controlMode`.
 *
 * A union in a list of its own is called for every image
 * of the call; diffusers 0.42.1 leaves those after the first out where `controlGuidanceStart` is no list.
 *
 * @example
 * ```ts ignore
 * import { FluxControlNetModel, FluxControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await FluxControlNetModel.fromPretrained(
 *   "InstantX/FLUX.1-dev-Controlnet-Canny",
 * );
 * const pipe = await FluxControlNetPipeline.fromPretrained("black-forest-labs/FLUX.1-dev", {
 *   controlnet,
 * });
 * const { images } = await pipe("a girl in a city", {
 *   controlImage: "edges.png",
 *   controlnetConditioningScale: 0.6,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledFlux,
  flux,
  type FluxControlComponents,
  type FluxControlledOptions,
  fluxControlledOptions,
  fluxControlNets,
  type FluxImagePromptOptions,
  fluxImagePromptOptions,
  type FluxOptions,
  fluxOptions,
  imagePromptedFlux,
  withControlNets,
} from "@denoise/flux";

/** Options of a call. */
export interface FluxControlNetCallOptions
  extends FluxOptions, FluxImagePromptOptions, FluxControlledOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlNetArguments = [
  prompt: Prompt | undefined,
  options: FluxControlNetCallOptions,
];

/** A loaded FluxControlNetPipeline. */
export type FluxControlNetPipeline = Pipeline<
  FluxControlComponents,
  FluxControlNetArguments,
  ImageOutput
>;

/** Control images and text to images with FLUX.1; `FluxControlNetPipeline` of diffusers. */
export const FluxControlNetPipeline: PipelineClass<
  FluxControlComponents,
  FluxControlNetArguments,
  ImageOutput
> = latentPipeline({
  className: "FluxControlNetPipeline",
  task: "text-to-image",
  family: flux,
  start: withControlNets(fromNoise),
  control: fluxControlNets,
  components: { ...imagePromptedFlux.components, ...controlledFlux.components },
  options: {
    ...fluxOptions,
    ...fluxImagePromptOptions,
    ...noiseStartOptions,
    ...fluxControlledOptions,
  },
  defaults: { numInferenceSteps: 28, guidanceScale: 7, controlnetConditioningScale: 1 },
});
