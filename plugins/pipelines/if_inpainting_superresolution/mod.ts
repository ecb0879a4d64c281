/**
 * IFInpaintingSuperResolutionPipeline: a later stage of DeepFloyd IF, which makes larger what IFInpaintingPipeline made of an image. What the mask
 * keeps is that image; see IFSuperResolutionPipeline.
 *
 * @example
 * ```ts ignore
 * import { IFInpaintingPipeline, IFInpaintingSuperResolutionPipeline } from "@denoise/denoise";
 *
 * const call = { maskImage: "glasses.png" };
 * const first = await IFInpaintingPipeline.fromPretrained("DeepFloyd/IF-I-XL-v1.0", { variant: "fp16" });
 * const { tensor } = await first("blue sunglasses", { ...call, image: "person.png", outputType: "latent" });
 * const second = await IFInpaintingSuperResolutionPipeline.fromPretrained("DeepFloyd/IF-II-L-v1.0", {
 *   variant: "fp16",
 * });
 * const { images } = await second("blue sunglasses", { ...call, image: tensor!, originalImage: "person.png" });
 * await images[0].save("sunglasses.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  type IFMaskUpscalingOptions,
  ifMaskUpscalingOptions,
  type IFSuperResolutionComponents,
  ifSuperResolutionStage,
  laterStage,
  pixelsOfMask,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFSuperResolutionComponents };

/** Options of a call. */
export interface IFInpaintingSuperResolutionOptions extends IFMaskUpscalingOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFInpaintingSuperResolutionArguments = [
  prompt: Prompt | undefined,
  options: IFInpaintingSuperResolutionOptions,
];

/** A loaded IFInpaintingSuperResolutionPipeline. */
export type IFInpaintingSuperResolutionPipeline = Pipeline<
  IFSuperResolutionComponents,
  IFInpaintingSuperResolutionArguments,
  ImageOutput
>;

/** A small image, what it was made of, a mask and its text to larger images; `IFInpaintingSuperResolutionPipeline` of diffusers. */
export const IFInpaintingSuperResolutionPipeline: PipelineClass<
  IFSuperResolutionComponents,
  IFInpaintingSuperResolutionArguments,
  ImageOutput
> = definePipeline<IFSuperResolutionComponents, IFInpaintingSuperResolutionArguments, ImageOutput>({
  className: "IFInpaintingSuperResolutionPipeline",
  task: "inpainting-upscaling",
  family: "deepfloyd-if-super-resolution",
  takesPrompt: true,
  ...ifSuperResolutionStage,
  options: ifMaskUpscalingOptions,
  defaults: { strength: 0.8, numInferenceSteps: 100, guidanceScale: 4, noiseLevel: 0 },
  generate: (run, prompt, options) =>
    drawPixels(
      run,
      prompt,
      options,
      laterStage(pixelsOfMask(({ originalImage }) => originalImage)),
    ),
});
