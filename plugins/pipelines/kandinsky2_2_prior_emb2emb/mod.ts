/**
 * KandinskyV22PriorEmb2EmbPipeline: the vectors of which the decoder of Kandinsky 2.2 makes images, of
 * texts and images.
 * Razzhigaev et al. (arXiv:2310.03502); the prior of Ramesh et al. (arXiv:2204.06125).
 *
 * Not covered: `interpolate`.
 *
 * @example
 * ```ts ignore
 * import { KandinskyV22Pipeline, KandinskyV22PriorEmb2EmbPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyV22PriorEmb2EmbPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-prior",
 * );
 * const pipe = await KandinskyV22Pipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-2-decoder",
 * );
 * const embeds = await prior("a cat in a hat", { image: "cat.png", strength: 0.6 });
 * const { images } = await pipe(embeds);
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginPriorWithImage,
  kandinskyPrior,
  type KandinskyPriorComponents,
  kandinskyPriorDefaults,
  type KandinskyPriorImageOptions,
  kandinskyPriorImageOptions,
  type KandinskyPriorOutput,
  makeEmbeds,
} from "@denoise/kandinsky2";

export type { KandinskyPriorComponents, KandinskyPriorOutput };

/** Options of a call. */
export interface KandinskyV22PriorEmb2EmbOptions extends KandinskyPriorImageOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyV22PriorEmb2EmbArguments = [
  prompt: Prompt,
  options: KandinskyV22PriorEmb2EmbOptions,
];

/** A loaded KandinskyV22PriorEmb2EmbPipeline. */
export type KandinskyV22PriorEmb2EmbPipeline = Pipeline<
  KandinskyPriorComponents,
  KandinskyV22PriorEmb2EmbArguments,
  KandinskyPriorOutput
>;

/** Texts and images to vectors of images; `KandinskyV22PriorEmb2EmbPipeline` of diffusers. */
export const KandinskyV22PriorEmb2EmbPipeline: PipelineClass<
  KandinskyPriorComponents,
  KandinskyV22PriorEmb2EmbArguments,
  KandinskyPriorOutput
> = definePipeline<
  KandinskyPriorComponents,
  KandinskyV22PriorEmb2EmbArguments,
  KandinskyPriorOutput
>({
  className: "KandinskyV22PriorEmb2EmbPipeline",
  task: "image-embedding",
  family: "kandinsky-2-2-prior-emb2emb",
  makes: "embeddings",
  takesPrompt: true,
  components: kandinskyPrior,
  options: { ...kandinskyPriorImageOptions },
  defaults: { ...kandinskyPriorDefaults, strength: 0.3 },
  generate: (run, prompt, options) => makeEmbeds(run, prompt, options, beginPriorWithImage),
});
