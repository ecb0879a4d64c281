/**
 * LongCatImagePipeline: images from text with LongCat-Image (Meituan, 2025, arXiv:2512.07584); what a prompt has
 * in quotation marks is written into the image.
 *
 * Prompts are read as they are given. diffusers has the language model write a longer one first, unless a call says
 * `enable_prompt_rewrite=False`; that is not covered, and the option takes false alone. Latents that are given or asked for
 * are [N, 16, height / 8, width / 8]; diffusers packs them into tokens.
 *
 * @example
 * ```ts ignore
 * import { LongCatImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await LongCatImagePipeline.fromPretrained("meituan-longcat/LongCat-Image");
 * const { images } = await pipe('a sign that says "open"', { width: 1344, height: 768, seed: 0 });
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
  longCatImage,
  type LongCatImageComponents,
  longCatImageComponents,
  type LongCatImageOptions,
  longCatImageOptions,
} from "@denoise/longcat-image";

/** Options of a call. */
export interface LongCatImageCallOptions extends LongCatImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LongCatImageArguments = [prompt?: Prompt, options?: LongCatImageCallOptions];

/** A loaded LongCatImagePipeline. */
export type LongCatImagePipeline = Pipeline<
  LongCatImageComponents,
  LongCatImageArguments,
  ImageOutput
>;

/** Text to images with LongCat-Image; `LongCatImagePipeline` of diffusers. */
export const LongCatImagePipeline: PipelineClass<
  LongCatImageComponents,
  LongCatImageArguments,
  ImageOutput
> = textToImagePipeline({
  className: "LongCatImagePipeline",
  task: "text-to-image",
  family: longCatImage,
  start: fromNoise,
  ...longCatImageComponents,
  options: { ...longCatImageOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 50, guidanceScale: 4.5 },
});
