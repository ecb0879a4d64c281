/**
 * IFImg2ImgPipeline: the first stage of DeepFloyd IF, which changes an image after a text. See IFPipeline.
 *
 * @example
 * ```ts ignore
 * import { IFImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await IFImg2ImgPipeline.fromPretrained("DeepFloyd/IF-I-XL-v1.0", { variant: "fp16" });
 * const { images } = await pipe("a fantasy landscape in style minecraft", { image: "sketch.png" });
 * await images[0].save("landscape.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  firstStage,
  type IFComponents,
  type IFImageToImageOptions,
  ifImageToImageOptions,
  ifStage,
  pixelsOfImage,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFComponents };

/** Options of a call. */
export interface IFImg2ImgOptions extends IFImageToImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFImg2ImgArguments = [prompt: Prompt | undefined, options: IFImg2ImgOptions];

/** A loaded IFImg2ImgPipeline. */
export type IFImg2ImgPipeline = Pipeline<IFComponents, IFImg2ImgArguments, ImageOutput>;

/** Image and text to images; `IFImg2ImgPipeline` of diffusers. */
export const IFImg2ImgPipeline: PipelineClass<
  IFComponents,
  IFImg2ImgArguments,
  ImageOutput
> = definePipeline<IFComponents, IFImg2ImgArguments, ImageOutput>({
  className: "IFImg2ImgPipeline",
  task: "image-to-image",
  family: "deepfloyd-if",
  takesPrompt: true,
  ...ifStage,
  options: ifImageToImageOptions,
  defaults: { strength: 0.7, numInferenceSteps: 80, guidanceScale: 10 },
  generate: (run, prompt, options) =>
    drawPixels(run, prompt, options, firstStage(pixelsOfImage(({ image }) => image))),
});
