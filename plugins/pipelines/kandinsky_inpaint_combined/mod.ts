/**
 * KandinskyInpaintCombinedPipeline: an image inpainted as a text says, by the prior and the decoder of
 * Kandinsky 2.1.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyInpaintCombinedPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyInpaintCombinedPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-inpaint",
 *   {
 *     priorPrior: prior.prior,
 *     priorImageEncoder: prior.imageEncoder,
 *     priorTextEncoder: prior.textEncoder,
 *     priorTokenizer: prior.tokenizer,
 *     priorScheduler: prior.scheduler,
 *     priorImageProcessor: prior.imageProcessor,
 *   },
 * );
 * const { images } = await pipe("a hat", { image: "cat.png", maskImage: "mask.png" });
 * await images[0].save("cat_with_hat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginBesideMask,
  combineWithTexts,
  kandinskyCombinedMaskOptions,
  kandinskyDecoderDefaults,
  kandinskyPriorPartDefaults,
  kandinskyTextCombined,
  type KandinskyTextCombinedComponents,
  type KandinskyTextCombinedMaskOptions,
} from "@denoise/kandinsky2";

export type { KandinskyTextCombinedComponents };

/** Options of a call. */
export interface KandinskyInpaintCombinedOptions extends KandinskyTextCombinedMaskOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyInpaintCombinedArguments = [
  prompt: Prompt,
  options: KandinskyInpaintCombinedOptions,
];

/** A loaded KandinskyInpaintCombinedPipeline. */
export type KandinskyInpaintCombinedPipeline = Pipeline<
  KandinskyTextCombinedComponents,
  KandinskyInpaintCombinedArguments,
  ImageOutput
>;

/** Text, an image and a mask to images; `KandinskyInpaintCombinedPipeline` of diffusers. */
export const KandinskyInpaintCombinedPipeline: PipelineClass<
  KandinskyTextCombinedComponents,
  KandinskyInpaintCombinedArguments,
  ImageOutput
> = definePipeline<KandinskyTextCombinedComponents, KandinskyInpaintCombinedArguments, ImageOutput>(
  {
    className: "KandinskyInpaintCombinedPipeline",
    task: "inpainting",
    family: "kandinsky-2-1-combined",
    takesPrompt: true,
    components: kandinskyTextCombined,
    options: { ...kandinskyCombinedMaskOptions },
    defaults: { ...kandinskyDecoderDefaults, ...kandinskyPriorPartDefaults },
    generate: (run, prompt, options) => combineWithTexts(run, prompt, options, beginBesideMask),
  },
);
