/**
 * ErnieImagePipeline: images from text with ERNIE-Image and ERNIE-Image-Turbo (Baidu, 2026), a transformer of 8 billion
 * parameters that reads prompts with Ministral 3.
 *
 * Prompts are encoded as they are given: `usePe`, by which diffusers has a second language model rewrite them, is
 * false and must be. Latents that are given or asked for are [N, 128, height / 16, width / 16], as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { ErnieImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await ErnieImagePipeline.fromPretrained("baidu/ERNIE-Image-Turbo");
 * const prompt = 'a poster that says "ERNIE" in tall red letters, over a calm sea';
 * const { images } = await pipe(prompt, { numInferenceSteps: 8, guidanceScale: 1, seed: 0 });
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
  ernieImage,
  type ErnieImageComponents,
  type ErnieImageOptions,
  ernieImageOptions,
} from "@denoise/ernie-image";

/** Options of a call. */
export interface ErnieImageCallOptions extends ErnieImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ErnieImageArguments = [prompt?: Prompt, options?: ErnieImageCallOptions];

/** A loaded ErnieImagePipeline. */
export type ErnieImagePipeline = Pipeline<ErnieImageComponents, ErnieImageArguments, ImageOutput>;

/** Text to images with ERNIE-Image; `ErnieImagePipeline` of diffusers. */
export const ErnieImagePipeline: PipelineClass<
  ErnieImageComponents,
  ErnieImageArguments,
  ImageOutput
> = textToImagePipeline({
  className: "ErnieImagePipeline",
  task: "text-to-image",
  family: ernieImage,
  start: fromNoise,
  ...oneTextEncoder,
  options: { ...ernieImageOptions, ...noiseStartOptions },
  defaults: { numInferenceSteps: 50, guidanceScale: 4 },
});
