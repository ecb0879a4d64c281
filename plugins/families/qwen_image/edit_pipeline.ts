import type { CallOptions, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  type QwenImageEditComponents,
  qwenImageEditComponents,
  type QwenImageEditFamily,
  type QwenImageEditImages,
  qwenImageEditImages,
} from "./edit.ts";
import { type QwenImageOptions, qwenImageOptions } from "./family.ts";

/** Options of a call that edits. */
export interface QwenImageEditCallOptions
  extends Omit<QwenImageOptions, "maxSequenceLength">, QwenImageEditImages, NoiseStartOptions {}

/** What a call that edits is given: a prompt or several, none with `promptEmbeds`, then options. */
export type QwenImageEditCallArguments = [
  prompt: Prompt | undefined,
  options: QwenImageEditCallOptions,
];

/** A loaded pipeline that edits. */
export type QwenImageEditor = Pipeline<
  QwenImageEditComponents,
  QwenImageEditCallArguments,
  ImageOutput
>;

/** The class of a pipeline that edits. */
export type QwenImageEditorClass = PipelineClass<
  QwenImageEditComponents,
  QwenImageEditCallArguments,
  ImageOutput
>;

/**
 * The pipeline that changes images with a generation of Qwen-Image-Edit.
 *
 * @param most How many images a call may read together.
 */
export function qwenImageEditPipeline(
  className: string,
  family: QwenImageEditFamily,
  most: number,
): QwenImageEditorClass {
  const { maxSequenceLength: _length, ...textOptions } = qwenImageOptions;
  const options: CallOptions<QwenImageEditCallOptions> = {
    ...textOptions,
    ...noiseStartOptions,
    ...qwenImageEditImages(most),
  };
  return latentPipeline({
    className,
    task: "image-to-image",
    family,
    start: fromNoise,
    ...qwenImageEditComponents,
    options,
    defaults: { numInferenceSteps: 50, trueCfgScale: 4 },
    blocks: {
      [className.replace(/Pipeline$/, "ModularPipeline")]: { _defaults: { negative_prompt: " " } },
    },
  });
}
