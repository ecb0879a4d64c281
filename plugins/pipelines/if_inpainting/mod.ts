/**
 * IFInpaintingPipeline: the first stage of DeepFloyd IF, which inpaints what a mask covers of an image after a text. What it keeps goes
 * through all steps as it is, without noise. See IFPipeline.
 *
 * @example
 * ```ts ignore
 * import { IFInpaintingPipeline } from "@denoise/denoise";
 *
 * const pipe = await IFInpaintingPipeline.fromPretrained("DeepFloyd/IF-I-XL-v1.0", { variant: "fp16" });
 * const { images } = await pipe("blue sunglasses", { image: "person.png", maskImage: "glasses.png" });
 * await images[0].save("sunglasses.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  firstStage,
  type IFComponents,
  type IFMaskedImageOptions,
  ifMaskedImageOptions,
  ifStage,
  pixelsOfMask,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFComponents };

/** Options of a call. */
export interface IFInpaintingOptions extends IFMaskedImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFInpaintingArguments = [prompt: Prompt | undefined, options: IFInpaintingOptions];

/** A loaded IFInpaintingPipeline. */
export type IFInpaintingPipeline = Pipeline<IFComponents, IFInpaintingArguments, ImageOutput>;

/** Image, mask and text to images; `IFInpaintingPipeline` of diffusers. */
export const IFInpaintingPipeline: PipelineClass<
  IFComponents,
  IFInpaintingArguments,
  ImageOutput
> = definePipeline<IFComponents, IFInpaintingArguments, ImageOutput>({
  className: "IFInpaintingPipeline",
  task: "inpainting",
  family: "deepfloyd-if",
  takesPrompt: true,
  ...ifStage,
  options: ifMaskedImageOptions,
  defaults: { strength: 1, numInferenceSteps: 50, guidanceScale: 7 },
  generate: (run, prompt, options) =>
    drawPixels(run, prompt, options, firstStage(pixelsOfMask(({ image }) => image))),
});
