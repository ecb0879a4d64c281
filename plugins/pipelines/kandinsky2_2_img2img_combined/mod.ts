/**
 * KandinskyV22Img2ImgCombinedPipeline: an image changed as a text says, by the prior and the decoder of
 * Kandinsky 2.2.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22Img2ImgCombinedPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22Img2ImgCombinedPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder",
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
  beginWithImage,
  combine,
  kandinskyCombined,
  type KandinskyCombinedComponents,
  type KandinskyCombinedImageOptions,
  kandinskyCombinedImageOptions,
  kandinskyImageDefaults,
  kandinskyPriorPartDefaults,
} from "@denoise/kandinsky2";

export type { KandinskyCombinedComponents };

/** Options of a call. */
export interface KandinskyV22Img2ImgCombinedOptions extends KandinskyCombinedImageOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyV22Img2ImgCombinedArguments = [
  prompt: Prompt,
  options: KandinskyV22Img2ImgCombinedOptions,
];

/** A loaded KandinskyV22Img2ImgCombinedPipeline. */
export type KandinskyV22Img2ImgCombinedPipeline = Pipeline<
  KandinskyCombinedComponents,
  KandinskyV22Img2ImgCombinedArguments,
  ImageOutput
>;

/** Text and an image to images; `KandinskyV22Img2ImgCombinedPipeline` of diffusers. */
export const KandinskyV22Img2ImgCombinedPipeline: PipelineClass<
  KandinskyCombinedComponents,
  KandinskyV22Img2ImgCombinedArguments,
  ImageOutput
> = definePipeline<KandinskyCombinedComponents, KandinskyV22Img2ImgCombinedArguments, ImageOutput>({
  className: "KandinskyV22Img2ImgCombinedPipeline",
  task: "image-to-image",
  family: "kandinsky-2-2-combined",
  takesPrompt: true,
  components: kandinskyCombined,
  options: { ...kandinskyCombinedImageOptions },
  defaults: { ...kandinskyImageDefaults, ...kandinskyPriorPartDefaults },
  generate: (run, prompt, options) => combine(run, prompt, options, beginWithImage),
});
