/**
 * KandinskyV22CombinedPipeline: images from text by the prior and the decoder of Kandinsky 2.2.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * Prior and decoder lie in two repos on the Hub, from which the components are put together. The steps of the
 * prior are not shown.
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22CombinedPipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22CombinedPipeline.fromPretrained(
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
 * const { images } = await pipe("a cat in a hat", { height: 768, width: 768 });
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginWithNoise,
  combine,
  kandinskyCombined,
  type KandinskyCombinedComponents,
  type KandinskyCombinedNoiseOptions,
  kandinskyCombinedOptions,
  kandinskyDecoderDefaults,
  kandinskyPriorPartDefaults,
} from "@denoise/kandinsky2";

export type { KandinskyCombinedComponents };

/** Options of a call. */
export interface KandinskyV22CombinedOptions extends KandinskyCombinedNoiseOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyV22CombinedArguments = [prompt: Prompt, options?: KandinskyV22CombinedOptions];

/** A loaded KandinskyV22CombinedPipeline. */
export type KandinskyV22CombinedPipeline = Pipeline<
  KandinskyCombinedComponents,
  KandinskyV22CombinedArguments,
  ImageOutput
>;

/** Text to images; `KandinskyV22CombinedPipeline` of diffusers. */
export const KandinskyV22CombinedPipeline: PipelineClass<
  KandinskyCombinedComponents,
  KandinskyV22CombinedArguments,
  ImageOutput
> = definePipeline<KandinskyCombinedComponents, KandinskyV22CombinedArguments, ImageOutput>({
  className: "KandinskyV22CombinedPipeline",
  task: "text-to-image",
  family: "kandinsky-2-2-combined",
  takesPrompt: true,
  components: kandinskyCombined,
  options: { ...kandinskyCombinedOptions },
  defaults: { ...kandinskyDecoderDefaults, ...kandinskyPriorPartDefaults },
  defaultSize: () => ({ height: 512, width: 512 }),
  generate: (run, prompt, options = {}) => combine(run, prompt, options, beginWithNoise),
});
