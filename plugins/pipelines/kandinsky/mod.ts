/**
 * KandinskyPipeline: the decoder of Kandinsky 2.1, which makes images of texts and of the vectors of a prior.
 * Razzhigaev et al. (arXiv:2310.03502).
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
 * const prompt = "a cat in a hat";
 * const { images } = await pipe(prompt, await prior(prompt));
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginWithNoise,
  decodePrompts,
  kandinskyDecoderDefaults,
  type KandinskyTextComponents,
  kandinskyTextDecoder,
  type KandinskyTextOptions,
  kandinskyTextOptions,
} from "@denoise/kandinsky2";

export type { KandinskyTextComponents };

/** Options of a call. */
export interface KandinskyOptions extends KandinskyTextOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyArguments = [prompt: Prompt, options: KandinskyOptions];

/** A loaded KandinskyPipeline. */
export type KandinskyPipeline = Pipeline<
  KandinskyTextComponents,
  KandinskyArguments,
  ImageOutput
>;

/** Texts and vectors to images; `KandinskyPipeline` of diffusers. */
export const KandinskyPipeline: PipelineClass<
  KandinskyTextComponents,
  KandinskyArguments,
  ImageOutput
> = definePipeline<KandinskyTextComponents, KandinskyArguments, ImageOutput>({
  className: "KandinskyPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-1",
  takesPrompt: true,
  components: kandinskyTextDecoder,
  options: { ...kandinskyTextOptions },
  defaults: kandinskyDecoderDefaults,
  generate: (run, prompt, options) => decodePrompts(run, prompt, options, beginWithNoise),
});
