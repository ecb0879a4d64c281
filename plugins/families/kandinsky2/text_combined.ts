import type { ComponentSpec, ImageOutput, PipelineRun, PipelineStep } from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  callOfDecoder,
  type CombinedImages,
  type KandinskyCombinedImageOptions,
  type KandinskyCombinedMaskOptions,
  type KandinskyCombinedNoiseOptions,
  type KandinskyPriorParts,
  kandinskyPriorParts,
} from "./combined.ts";
import type { BeginDecoding } from "./decoder.ts";
import type { KandinskyTextImageOptions } from "./noised_image_start.ts";
import type { KandinskyPriorOutput } from "./prior.ts";
import {
  decodePrompts,
  type KandinskyTextComponents,
  kandinskyTextDecoder,
  type KandinskyTextMaskOptions,
} from "./text.ts";

/** What the prior and the decoder of Kandinsky 2.1 together consist of. */
export interface KandinskyTextCombinedComponents
  extends KandinskyTextComponents, KandinskyPriorParts {}

/** The components that the definitions of these pipelines share. */
export const kandinskyTextCombined: {
  readonly [K in keyof KandinskyTextCombinedComponents]: ComponentSpec;
} = { ...kandinskyTextDecoder, ...kandinskyPriorParts };

/** Options of a call of prior and decoder that changes an image. */
export interface KandinskyTextCombinedImageOptions
  extends
    Omit<KandinskyCombinedImageOptions, "height" | "width">,
    Pick<KandinskyTextImageOptions, "height" | "width"> {}

/** Options of a call of prior and decoder that inpaints. */
export interface KandinskyTextCombinedMaskOptions
  extends Omit<KandinskyCombinedMaskOptions, "image">, Pick<KandinskyTextMaskOptions, "image"> {}

/**
 * Prompts to vectors by the prior, these and the prompts to images by the decoder, which as in the reference is
 * not given the negative prompt.
 *
 * @param begin How the decoder begins.
 */
export async function* combineWithTexts<O extends KandinskyCombinedNoiseOptions & CombinedImages>(
  run: PipelineRun<KandinskyTextCombinedComponents>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginDecoding<O & KandinskyPriorOutput>,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const call = await callOfDecoder(run, prompt, options);
  const prompts = [prompt ?? []].flat();
  // one after another, not each as often as images are made of it
  const rows = Array.from(
    { length: call.imageEmbeds.dims[0]! },
    (_, row) => prompts[row % prompts.length]!,
  );
  return yield* decodePrompts(run, rows, { ...call, negativePrompt: undefined }, begin);
}
