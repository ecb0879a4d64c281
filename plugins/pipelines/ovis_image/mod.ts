/**
 * OvisImagePipeline: images from text with Ovis-Image (Alibaba, 2025, arXiv:2511.22982), a model of 7 billion
 * parameters made for images with text in them.
 *
 * Latents that are given or asked for are [N, 16, height / 8, width / 8]; diffusers packs them into
 * tokens. Not covered: `jointAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { OvisImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await OvisImagePipeline.fromPretrained("AIDC-AI/Ovis-Image-7B");
 * const { images } = await pipe('a poster that says "Ovis"', { guidanceScale: 5, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  ovisImage,
  type OvisImageComponents,
  type OvisImageOptions,
  ovisImageOptions,
} from "@denoise/ovis-image";

/** Options of a call. */
export interface OvisImageCallOptions extends OvisImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type OvisImageArguments = [prompt?: Prompt, options?: OvisImageCallOptions];

/** A loaded OvisImagePipeline. */
export type OvisImagePipeline = Pipeline<OvisImageComponents, OvisImageArguments, ImageOutput>;

/** Text to images with Ovis-Image; `OvisImagePipeline` of diffusers. */
export const OvisImagePipeline: PipelineClass<
  OvisImageComponents,
  OvisImageArguments,
  ImageOutput
> = textToImagePipeline({
  className: "OvisImagePipeline",
  task: "text-to-image",
  family: ovisImage,
  start: fromNoise,
  ...oneTextEncoder,
  options: { ...ovisImageOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 50, guidanceScale: 5 },
});
