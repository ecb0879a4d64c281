/**
 * LongCatImageEditPipeline: an image changed as a text says, with LongCat-Image-Edit (Meituan, 2025,
 * arXiv:2512.07584). The image is brought to about 1024² pixels in its own shape, which is the size of the result.
 *
 * Positions of image tokens in the language model are those that it was trained with; diffusers 0.42.1 with
 * transformers 5 leaves them out. Latents that are given or asked for are [N, 16, height / 8, width / 8].
 *
 * @example
 * ```ts ignore
 * import { LongCatImageEditPipeline } from "@denoise/denoise";
 *
 * const pipe = await LongCatImageEditPipeline.fromPretrained("meituan-longcat/LongCat-Image-Edit");
 * const { images } = await pipe("turn the cat into a dog", { image: "cat.png", seed: 0 });
 * ```
 *
 * @module
 */
import type { CallOptions, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  type LongCatImageBaseOptions,
  longCatImageBaseOptions,
  type LongCatImageComponents,
  longCatImageComponents,
  longCatImageEdit,
  type LongCatImageEditImage,
  longCatImageEditImage,
} from "@denoise/longcat-image";

/** Options of a call. */
export interface LongCatImageEditOptions
  extends LongCatImageBaseOptions, LongCatImageEditImage, Pick<NoiseStartOptions, "latents"> {}

/** What a call is given: a prompt, none with `promptEmbeds`, then options. */
export type LongCatImageEditArguments = [
  prompt: Prompt | undefined,
  options: LongCatImageEditOptions,
];

/** A loaded LongCatImageEditPipeline. */
export type LongCatImageEditPipeline = Pipeline<
  LongCatImageComponents,
  LongCatImageEditArguments,
  ImageOutput
>;

const options: CallOptions<LongCatImageEditOptions> = {
  ...longCatImageBaseOptions,
  ...longCatImageEditImage,
  latents: noiseStartOptions.latents,
};

/** Image and text to images with LongCat-Image-Edit; `LongCatImageEditPipeline` of diffusers. */
export const LongCatImageEditPipeline: PipelineClass<
  LongCatImageComponents,
  LongCatImageEditArguments,
  ImageOutput
> = latentPipeline({
  className: "LongCatImageEditPipeline",
  task: "image-to-image",
  family: longCatImageEdit,
  start: fromNoise,
  ...longCatImageComponents,
  options,
  defaults: { numInferenceSteps: 50, guidanceScale: 4.5 },
});
