/**
 * KandinskyImg2ImgPipeline: the decoder of Kandinsky 2.1 that changes an image as texts and the vectors of a prior say.
 * Razzhigaev et al. (arXiv:2310.03502).
 *
 * @example
 * ```ts ignore
 * import { KandinskyImg2ImgPipeline, KandinskyPriorPipeline } from "@denoise/denoise";
 *
 * const prior = await KandinskyPriorPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1-prior",
 * );
 * const pipe = await KandinskyImg2ImgPipeline.fromPretrained(
 *   "kandinsky-community/kandinsky-2-1",
 * );
 * const prompt = "a red cartoon frog, 4k";
 * const { images } = await pipe(prompt, {
 *   ...await prior(prompt),
 *   image: "frog.png",
 *   strength: 0.2,
 * });
 * await images[0].save("red_frog.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  beginWithNoisedImage,
  decodePrompts,
  type KandinskyTextComponents,
  kandinskyTextDecoder,
  kandinskyTextImageDefaults,
  type KandinskyTextImageOptions,
  kandinskyTextImageOptions,
} from "@denoise/kandinsky2";

export type { KandinskyTextComponents };

/** Options of a call. */
export interface KandinskyImg2ImgOptions extends KandinskyTextImageOptions {}

/** What a call is given: a prompt or several, then options. */
export type KandinskyImg2ImgArguments = [prompt: Prompt, options: KandinskyImg2ImgOptions];

/** A loaded KandinskyImg2ImgPipeline. */
export type KandinskyImg2ImgPipeline = Pipeline<
  KandinskyTextComponents,
  KandinskyImg2ImgArguments,
  ImageOutput
>;

/** Texts, vectors and an image to images; `KandinskyImg2ImgPipeline` of diffusers. */
export const KandinskyImg2ImgPipeline: PipelineClass<
  KandinskyTextComponents,
  KandinskyImg2ImgArguments,
  ImageOutput
> = definePipeline<KandinskyTextComponents, KandinskyImg2ImgArguments, ImageOutput>({
  className: "KandinskyImg2ImgPipeline",
  task: "embeds-to-image",
  family: "kandinsky-2-1-img2img",
  takesPrompt: true,
  components: kandinskyTextDecoder,
  options: { ...kandinskyTextImageOptions },
  defaults: kandinskyTextImageDefaults,
  generate: (run, prompt, options) => decodePrompts(run, prompt, options, beginWithNoisedImage),
});
