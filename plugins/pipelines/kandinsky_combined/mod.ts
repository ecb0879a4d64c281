/**
 * KandinskyCombinedPipeline: images of texts, by the prior and the decoder of Kandinsky 2.1.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyCombinedPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyCombinedPipeline.fromPretrained(
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
 * const { images } = await pipe("a cat in a hat");
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginWithNoise,
  combineWithTexts,
  type KandinskyCombinedNoiseOptions,
  kandinskyCombinedOptions,
  kandinskyDecoderDefaults,
  kandinskyPriorPartDefaults,
  kandinskyTextCombined,
  type KandinskyTextCombinedComponents,
} from "@denoise/kandinsky2";

export type { KandinskyTextCombinedComponents };

/** Options of a call. */
export interface KandinskyCombinedOptions extends KandinskyCombinedNoiseOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyCombinedArguments = [
  prompt: Prompt,
  options?: KandinskyCombinedOptions,
];

/** A loaded KandinskyCombinedPipeline. */
export type KandinskyCombinedPipeline = Pipeline<
  KandinskyTextCombinedComponents,
  KandinskyCombinedArguments,
  ImageOutput
>;

/** Texts to images; `KandinskyCombinedPipeline` of diffusers. */
export const KandinskyCombinedPipeline: PipelineClass<
  KandinskyTextCombinedComponents,
  KandinskyCombinedArguments,
  ImageOutput
> = definePipeline<KandinskyTextCombinedComponents, KandinskyCombinedArguments, ImageOutput>({
  className: "KandinskyCombinedPipeline",
  task: "text-to-image",
  family: "kandinsky-2-1-combined",
  takesPrompt: true,
  components: kandinskyTextCombined,
  options: { ...kandinskyCombinedOptions },
  defaults: { ...kandinskyDecoderDefaults, ...kandinskyPriorPartDefaults },
  defaultSize: () => ({ height: 512, width: 512 }),
  generate: (run, prompt, options = {}) => combineWithTexts(run, prompt, options, beginWithNoise),
});
