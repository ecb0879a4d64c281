/**
 * IFImg2ImgSuperResolutionPipeline: a later stage of DeepFloyd IF, which makes larger what IFImg2ImgPipeline made of an image. It begins with that
 * image, noised, and sees the small one beside the pixels; see IFSuperResolutionPipeline.
 *
 * @example
 * ```ts ignore
 * import { IFImg2ImgPipeline, IFImg2ImgSuperResolutionPipeline } from "@denoise/denoise";
 *
 * const prompt = "a fantasy landscape in style minecraft";
 * const first = await IFImg2ImgPipeline.fromPretrained("DeepFloyd/IF-I-XL-v1.0", { variant: "fp16" });
 * const { tensor } = await first(prompt, { image: "sketch.png", outputType: "latent" });
 * const second = await IFImg2ImgSuperResolutionPipeline.fromPretrained("DeepFloyd/IF-II-L-v1.0", {
 *   variant: "fp16",
 * });
 * const { images } = await second(prompt, { image: tensor!, originalImage: "sketch.png" });
 * await images[0].save("landscape.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  type IFImageUpscalingOptions,
  ifImageUpscalingOptions,
  type IFSuperResolutionComponents,
  ifSuperResolutionStage,
  laterStage,
  pixelsOfImage,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFSuperResolutionComponents };

/** Options of a call. */
export interface IFImg2ImgSuperResolutionOptions extends IFImageUpscalingOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFImg2ImgSuperResolutionArguments = [
  prompt: Prompt | undefined,
  options: IFImg2ImgSuperResolutionOptions,
];

/** A loaded IFImg2ImgSuperResolutionPipeline. */
export type IFImg2ImgSuperResolutionPipeline = Pipeline<
  IFSuperResolutionComponents,
  IFImg2ImgSuperResolutionArguments,
  ImageOutput
>;

/** A small image, what it was made of, and its text to larger images; `IFImg2ImgSuperResolutionPipeline` of diffusers. */
export const IFImg2ImgSuperResolutionPipeline: PipelineClass<
  IFSuperResolutionComponents,
  IFImg2ImgSuperResolutionArguments,
  ImageOutput
> = definePipeline<IFSuperResolutionComponents, IFImg2ImgSuperResolutionArguments, ImageOutput>({
  className: "IFImg2ImgSuperResolutionPipeline",
  task: "image-to-image-upscaling",
  family: "deepfloyd-if-super-resolution",
  takesPrompt: true,
  ...ifSuperResolutionStage,
  options: ifImageUpscalingOptions,
  defaults: { strength: 0.8, numInferenceSteps: 50, guidanceScale: 4, noiseLevel: 250 },
  generate: (run, prompt, options) =>
    drawPixels(
      run,
      prompt,
      options,
      laterStage(pixelsOfImage(({ originalImage }) => originalImage)),
    ),
});
