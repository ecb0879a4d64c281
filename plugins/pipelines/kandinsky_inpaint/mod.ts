/**
 * KandinskyInpaintPipeline: the decoder of Kandinsky 2.1 that inpaints what a mask covers of an image as texts and the
 * vectors of a prior say.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyInpaintPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyInpaintPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-inpaint",
 * );
 * const prompt = "a hat";
 * const { images } = await pipe(prompt, {
 *   ...await prior(prompt),
 *   image: "cat.png",
 *   maskImage: "mask.png",
 * });
 * await images[0].save("cat_with_hat.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginBesideMask,
  decodePrompts,
  kandinskyDecoderDefaults,
  type KandinskyTextComponents,
  kandinskyTextDecoder,
  type KandinskyTextMaskOptions,
  kandinskyTextMaskOptions,
} from "@denoise/kandinsky2";

export type { KandinskyTextComponents };

/** Options of a call. */
export interface KandinskyInpaintOptions extends KandinskyTextMaskOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyInpaintArguments = [prompt: Prompt, options: KandinskyInpaintOptions];

/** A loaded KandinskyInpaintPipeline. */
export type KandinskyInpaintPipeline = Pipeline<
  KandinskyTextComponents,
  KandinskyInpaintArguments,
  ImageOutput
>;

/** Texts, vectors, an image and a mask to images; `KandinskyInpaintPipeline` of diffusers. */
export const KandinskyInpaintPipeline: PipelineClass<
  KandinskyTextComponents,
  KandinskyInpaintArguments,
  ImageOutput
> = definePipeline<KandinskyTextComponents, KandinskyInpaintArguments, ImageOutput>({
  className: "KandinskyInpaintPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-1-inpaint",
  takesPrompt: true,
  components: kandinskyTextDecoder,
  options: { ...kandinskyTextMaskOptions },
  defaults: kandinskyDecoderDefaults,
  generate: (run, prompt, options) => decodePrompts(run, prompt, options, beginBesideMask),
});
