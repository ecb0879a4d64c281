/**
 * StableDiffusion3Pipeline: images from text with Stable Diffusion 3 and 3.5 (Esser et al., 2024,
 * arXiv:2403.03206). `textEncoder3: null` leaves T5 out, which is by far the largest part; skip-layer
 * guidance (`skipGuidanceLayers`) is what 3.5 medium is best with.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusion3Pipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusion3Pipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3.5-medium",
 *   { textEncoder3: null, tokenizer3: null },
 * );
 * const { images } = await pipe("a cat that holds a sign", {
 *   guidanceScale: 4.5,
 *   skipGuidanceLayers: [7, 8, 9],
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  sd3,
  sd3Blocks,
  type Sd3Components,
  sd3Components,
  type Sd3Options,
  sd3Options,
  type SkipLayerOptions,
  skipLayerOptions,
} from "@denoise/sd3";

/** Options of a call. */
export interface StableDiffusion3Options extends Sd3Options, SkipLayerOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusion3Arguments = [prompt?: Prompt, options?: StableDiffusion3Options];

/** A loaded StableDiffusion3Pipeline. */
export type StableDiffusion3Pipeline = Pipeline<
  Sd3Components,
  StableDiffusion3Arguments,
  ImageOutput
>;

/** Text to images with Stable Diffusion 3; `StableDiffusion3Pipeline` of diffusers. */
export const StableDiffusion3Pipeline: PipelineClass<
  Sd3Components,
  StableDiffusion3Arguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusion3Pipeline",
  task: "text-to-image",
  family: sd3,
  start: fromNoise,
  ...sd3Components,
  options: { ...sd3Options, ...skipLayerOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 28, guidanceScale: 7 },
  blocks: sd3Blocks,
});
