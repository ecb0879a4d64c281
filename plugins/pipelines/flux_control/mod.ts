/**
 * FluxControlPipeline: images from a text and an image of edges or depth that says where things are, with
 * FLUX.1 Canny and Depth (Black Forest Labs, 2024), whose transformer is given that image.
 *
 * @example
 * ```ts ignore
 * import { FluxControlPipeline } from "@denoise/denoise";
 *
 * const pipe = await FluxControlPipeline.fromPretrained("black-forest-labs/FLUX.1-Canny-dev");
 * const { images } = await pipe("a robot made of sweets", {
 *   controlImage: "edges.png",
 *   guidanceScale: 30,
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
export interface FluxControlOptions
  extends FluxBaseOptions, FluxControlImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type FluxControlArguments = [prompt: Prompt | undefined, options: FluxControlOptions];

/** A loaded FluxControlPipeline. */
export type FluxControlPipeline = Pipeline<FluxComponents, FluxControlArguments, ImageOutput>;

/** Control image and text to images with FLUX.1; `FluxControlPipeline` of diffusers. */
export const FluxControlPipeline: PipelineClass<FluxComponents, FluxControlArguments, ImageOutput> =
  latentPipeline({
    className: "FluxControlPipeline",
    task: "text-to-image",
    family: fluxWith({ name: "flux-control" }),
    start: withControlImage(fromNoise),
    ...fluxComponents,
    options: { ...fluxBaseOptions, ...noiseStartOptions, ...fluxControlImageOptions },
    defaults: { numInferenceSteps: 28, guidanceScale: 3.5 },
  });
