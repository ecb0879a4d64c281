/**
 * KandinskyV22PriorPipeline: the vectors of which the decoder of Kandinsky 2.2 makes images, of texts.
 * Razzhigaev et al. (arXiv:2310.03502); the prior of Ramesh et al. (arXiv:2204.06125).
 *
 * Not covered: `interpolate`.
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22Pipeline, KandinskyV22PriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22Pipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder",
 * );
 * const embeds = await prior("a cat in a hat");
 * const { images } = await pipe(embeds);
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginPriorWithNoise,
  kandinskyPrior,
  type KandinskyPriorComponents,
  kandinskyPriorDefaults,
  type KandinskyPriorOutput,
  makeEmbeds,
  type PriorTextOptions,
  priorTextOptions,
} from "@denoise/kandinsky2";

export type { KandinskyPriorComponents, KandinskyPriorOutput };

/** Options of a call. */
export interface KandinskyV22PriorOptions extends PriorTextOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyV22PriorArguments = [prompt: Prompt, options?: KandinskyV22PriorOptions];

/** A loaded KandinskyV22PriorPipeline. */
export type KandinskyV22PriorPipeline = Pipeline<
  KandinskyPriorComponents,
  KandinskyV22PriorArguments,
  KandinskyPriorOutput
>;

/** Texts to vectors of images; `KandinskyV22PriorPipeline` of diffusers. */
export const KandinskyV22PriorPipeline: PipelineClass<
  KandinskyPriorComponents,
  KandinskyV22PriorArguments,
  KandinskyPriorOutput
> = definePipeline<KandinskyPriorComponents, KandinskyV22PriorArguments, KandinskyPriorOutput>({
  className: "KandinskyV22PriorPipeline",
  task: "image-embedding",
  family: "kandinsky-2-2-prior",
  makes: "embeddings",
  takesPrompt: true,
  components: kandinskyPrior,
  options: { ...priorTextOptions },
  defaults: kandinskyPriorDefaults,
  generate: (run, prompt, options = {}) => makeEmbeds(run, prompt, options, beginPriorWithNoise),
});
