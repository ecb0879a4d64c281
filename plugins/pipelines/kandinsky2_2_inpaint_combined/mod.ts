/**
 * KandinskyV22InpaintCombinedPipeline: what a mask covers of an image inpainted as a text says, by the prior
 * and the decoder of Kandinsky 2.2.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22InpaintCombinedPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22InpaintCombinedPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder-inpaint",
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
  beginWithMask,
  combine,
  kandinskyCombined,
  type KandinskyCombinedComponents,
  type KandinskyCombinedMaskOptions,
  kandinskyCombinedMaskOptions,
  kandinskyDecoderDefaults,
  kandinskyPriorPartDefaults,
} from "@denoise/kandinsky2";

export type { KandinskyCombinedComponents };

/** Options of a call. */
export interface KandinskyV22InpaintCombinedOptions extends KandinskyCombinedMaskOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyV22InpaintCombinedArguments = [
  prompt: Prompt,
  options: KandinskyV22InpaintCombinedOptions,
];

/** A loaded KandinskyV22InpaintCombinedPipeline. */
export type KandinskyV22InpaintCombinedPipeline = Pipeline<
  KandinskyCombinedComponents,
  KandinskyV22InpaintCombinedArguments,
  ImageOutput
>;

/** Text, an image and a mask to images; `KandinskyV22InpaintCombinedPipeline` of diffusers. */
export const KandinskyV22InpaintCombinedPipeline: PipelineClass<
  KandinskyCombinedComponents,
  KandinskyV22InpaintCombinedArguments,
  ImageOutput
> = definePipeline<KandinskyCombinedComponents, KandinskyV22InpaintCombinedArguments, ImageOutput>({
  className: "KandinskyV22InpaintCombinedPipeline",
  task: "inpainting",
  family: "kandinsky-2-2-combined",
  takesPrompt: true,
  components: kandinskyCombined,
  options: { ...kandinskyCombinedMaskOptions },
  defaults: { ...kandinskyDecoderDefaults, ...kandinskyPriorPartDefaults },
  generate: (run, prompt, options) => combine(run, prompt, options, beginWithMask),
});
