/**
 * KandinskyImg2ImgCombinedPipeline: an image changed as a text says, by the prior and the decoder of
 * Kandinsky 2.1.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyImg2ImgCombinedPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyImg2ImgCombinedPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1",
 *   {
 *     priorPrior: prior.prior,
 *     priorImageEncoder: prior.imageEncoder,
 *     priorTextEncoder: prior.textEncoder,
 *     priorTokenizer: prior.tokenizer,
 *     priorScheduler: prior.scheduler,
 *     priorImageProcessor: prior.imageProcessor,
 *   },
 * );
 * const { images } = await pipe("a red cartoon frog", { image: "frog.png", strength: 0.4 });
 * await images[0].save("red_frog.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginWithNoisedImage,
  combineWithTexts,
  kandinskyCombinedImageOptions,
  kandinskyImageDefaults,
  kandinskyPriorPartDefaults,
  kandinskyTextCombined,
  type KandinskyTextCombinedComponents,
  type KandinskyTextCombinedImageOptions,
} from "@denoise/kandinsky2";

export type { KandinskyTextCombinedComponents };

/** Options of a call. */
export interface KandinskyImg2ImgCombinedOptions extends KandinskyTextCombinedImageOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyImg2ImgCombinedArguments = [
  prompt: Prompt,
  options: KandinskyImg2ImgCombinedOptions,
];

/** A loaded KandinskyImg2ImgCombinedPipeline. */
export type KandinskyImg2ImgCombinedPipeline = Pipeline<
  KandinskyTextCombinedComponents,
  KandinskyImg2ImgCombinedArguments,
  ImageOutput
>;

/** Text and an image to images; `KandinskyImg2ImgCombinedPipeline` of diffusers. */
export const KandinskyImg2ImgCombinedPipeline: PipelineClass<
  KandinskyTextCombinedComponents,
  KandinskyImg2ImgCombinedArguments,
  ImageOutput
> = definePipeline<KandinskyTextCombinedComponents, KandinskyImg2ImgCombinedArguments, ImageOutput>(
  {
    className: "KandinskyImg2ImgCombinedPipeline",
    task: "image-to-image",
    family: "kandinsky-2-1-combined",
    takesPrompt: true,
    components: kandinskyTextCombined,
    options: { ...kandinskyCombinedImageOptions },
    defaults: { ...kandinskyImageDefaults, ...kandinskyPriorPartDefaults },
    generate: (run, prompt, options) =>
      combineWithTexts(run, prompt, options, beginWithNoisedImage),
  },
);
