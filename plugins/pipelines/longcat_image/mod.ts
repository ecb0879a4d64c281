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
import type { CallOptions, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  type Family,
  fromNoise,
  type LatentOptions,
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
export interface LongCatImageCallOptions extends LongCatImageOptions, NoiseStartOptions {
  /** Must be false, which it is by default. */
  readonly enablePromptRewrite?: boolean | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LongCatImageArguments = [prompt?: Prompt, options?: LongCatImageCallOptions];

/** A loaded LongCatImagePipeline. */
export type LongCatImagePipeline = Pipeline<
  LongCatImageComponents,
  LongCatImageArguments,
  ImageOutput
>;

const options: CallOptions<LongCatImageCallOptions> = {
  ...longCatImageOptions,
  ...noiseStartOptions,
  enablePromptRewrite: { type: "boolean" },
};

const family: Family<LongCatImageComponents, LatentOptions & LongCatImageCallOptions, never> = {
  ...longCatImage,
  async encode(run, prompt, options) {
    if (options.enablePromptRewrite === true) {
      throw new RangeError(
        "Cannot have prompts rewritten: enablePromptRewrite = true is not supported; give a longer prompt, " +
          "which is what the model draws best from, and leave it out or false",
      );
    }
    return await longCatImage.encode(run, prompt, options);
  },
};

/** Text to images with LongCat-Image; `LongCatImagePipeline` of diffusers. */
export const LongCatImagePipeline: PipelineClass<
  LongCatImageComponents,
  LongCatImageArguments,
  ImageOutput
> = textToImagePipeline({
  className: "LongCatImagePipeline",
  task: "text-to-image",
  family,
  start: fromNoise,
  ...longCatImageComponents,
  options,
  defaults: { numInferenceSteps: 50, guidanceScale: 4.5 },
});
