/**
 * PixArtSigmaPipeline: images from text with PixArt-Σ (Chen et al., 2024, arXiv:2403.04692): up to 4K pixels,
 * and prompts of up to 300 tokens of T5.
 *
 * @example
 * ```ts ignore
 * import { PixArtSigmaPipeline } from "@denoise/denoise";
 *
 * const pipe = await PixArtSigmaPipeline.fromPretrained("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS");
 * const { images } = await pipe("a small cactus with a happy face", { seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  type BinnedStartOptions,
  binnedStartOptions,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  fromPixArtNoise,
  pixArt,
  type PixArtComponents,
  pixArtComponents,
  type PixArtOptions,
  pixArtOptions,
} from "@denoise/pixart";

/** Options of a call. */
export interface PixArtSigmaOptions extends PixArtOptions, BinnedStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type PixArtSigmaArguments = [prompt?: Prompt, options?: PixArtSigmaOptions];

/** A loaded PixArtSigmaPipeline. */
export type PixArtSigmaPipeline = Pipeline<PixArtComponents, PixArtSigmaArguments, ImageOutput>;

/** Text to images with PixArt-Σ; `PixArtSigmaPipeline` of diffusers. */
export const PixArtSigmaPipeline: PipelineClass<
  PixArtComponents,
  PixArtSigmaArguments,
  ImageOutput
> = textToImagePipeline({
  className: "PixArtSigmaPipeline",
  task: "text-to-image",
  family: pixArt({ name: "pixart-sigma", tokens: 300, conditioned: false }),
  start: fromPixArtNoise,
  ...pixArtComponents,
  options: { ...pixArtOptions, ...binnedStartOptions },
  defaults: { numInferenceSteps: 20, guidanceScale: 4.5 },
});
