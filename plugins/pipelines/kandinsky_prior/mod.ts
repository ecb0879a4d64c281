/**
 * KandinskyPriorPipeline: the vectors of which the decoder of Kandinsky 2.1 makes images, of texts.
 * Razzhigaev et al. (arXiv:2310.03502); the prior of Ramesh et al. (arXiv:2204.06125).
 *
 * Not covered: `interpolate`.
 *
 * @example
 * ```ts ignore
 * import { KandinskyPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1",
 * );
 * const embeds = await prior("a cat in a hat");
 * const { images } = await pipe("a cat in a hat", embeds);
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
export interface KandinskyPriorOptions extends PriorTextOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyPriorArguments = [prompt: Prompt, options?: KandinskyPriorOptions];

/** A loaded KandinskyPriorPipeline. */
export type KandinskyPriorPipeline = Pipeline<
  KandinskyPriorComponents,
  KandinskyPriorArguments,
  KandinskyPriorOutput
>;

/** Texts to vectors of images; `KandinskyPriorPipeline` of diffusers. */
export const KandinskyPriorPipeline: PipelineClass<
  KandinskyPriorComponents,
  KandinskyPriorArguments,
  KandinskyPriorOutput
> = definePipeline<KandinskyPriorComponents, KandinskyPriorArguments, KandinskyPriorOutput>({
  className: "KandinskyPriorPipeline",
  task: "image-embedding",
  family: "kandinsky-prior",
  makes: "embeddings",
  takesPrompt: true,
  components: kandinskyPrior,
  options: { ...priorTextOptions },
  defaults: kandinskyPriorDefaults,
  generate: (run, prompt, options = {}) => makeEmbeds(run, prompt, options, beginPriorWithNoise),
});
