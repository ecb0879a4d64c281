/**
 * IFSuperResolutionPipeline: a later stage of DeepFloyd IF, which makes a small image larger after its text. The UNet sees the small image
 * beside the pixels, with some noise, and is conditioned on how much: Ho et al., "Cascaded Diffusion Models"
 * (arXiv:2106.15282). See IFPipeline for what goes from one stage to the next.
 *
 * @example
 * ```ts ignore
 * import { IFSuperResolutionPipeline } from "@denoise/denoise";
 *
 * const pipe = await IFSuperResolutionPipeline.fromPretrained("DeepFloyd/IF-II-L-v1.0", {
 *   variant: "fp16",
 * });
 * const { images } = await pipe("a kangaroo in an orange hoodie", { image: "small-kangaroo.png" });
 * await images[0].save("kangaroo.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  type IFSuperResolutionComponents,
  ifSuperResolutionStage,
  type IFUpscalingOptions,
  ifUpscalingOptions,
  laterStage,
  pixelsOfNoise,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFSuperResolutionComponents };

/** Options of a call. */
export interface IFSuperResolutionOptions extends IFUpscalingOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFSuperResolutionArguments = [
  prompt: Prompt | undefined,
  options: IFSuperResolutionOptions,
];

/** A loaded IFSuperResolutionPipeline. */
export type IFSuperResolutionPipeline = Pipeline<
  IFSuperResolutionComponents,
  IFSuperResolutionArguments,
  ImageOutput
>;

/** A small image and its text to larger images; `IFSuperResolutionPipeline` of diffusers. */
export const IFSuperResolutionPipeline: PipelineClass<
  IFSuperResolutionComponents,
  IFSuperResolutionArguments,
  ImageOutput
> = definePipeline<IFSuperResolutionComponents, IFSuperResolutionArguments, ImageOutput>({
  className: "IFSuperResolutionPipeline",
  task: "upscaling",
  family: "deepfloyd-if-super-resolution",
  takesPrompt: true,
  ...ifSuperResolutionStage,
  options: ifUpscalingOptions,
  defaults: { numInferenceSteps: 50, guidanceScale: 4, noiseLevel: 250 },
  generate: (run, prompt, options) => drawPixels(run, prompt, options, laterStage(pixelsOfNoise)),
});
