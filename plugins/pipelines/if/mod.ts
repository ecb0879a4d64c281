/**
 * IFPipeline: the first stage of DeepFloyd IF, small images from text. A UNet denoises pixels and says the variance of
 * each step, too. After Saharia et al., "Photorealistic Text-to-Image Diffusion Models with Deep Language
 * Understanding" (Imagen, arXiv:2205.11487).
 *
 * The next stages take its pixels (`outputType: "latent"`, about -1..1) or its images. `timesteps` may be one of the
 * trained lists of `@denoise/deepfloyd-if`, such as `smart27Timesteps`. `cleanCaption` reads captions as
 * diffusers does where bs4 and ftfy are installed.
 *
 * @example
 * ```ts ignore
 * import { IFPipeline, IFSuperResolutionPipeline } from "@denoise/denoise";
 *
 * const prompt = "a kangaroo in an orange hoodie that holds a sign";
 * const first = await IFPipeline.fromPretrained("DeepFloyd/IF-I-XL-v1.0", { variant: "fp16" });
 * const { tensor: image } = await first(prompt, { seed: 0, outputType: "latent" });
 * const second = await IFSuperResolutionPipeline.fromPretrained("DeepFloyd/IF-II-L-v1.0", {
 *   variant: "fp16",
 *   textEncoder: first.textEncoder,
 *   tokenizer: first.tokenizer,
 * });
 * const { images } = await second(prompt, { image: image!, seed: 0 });
 * await images[0].save("kangaroo.png");
 * ```
 *
 * @module
 */
import { definePipeline, type ImageOutput, type Pipeline, type PipelineClass } from "@denoise/core";
import {
  drawPixels,
  firstStage,
  type IFComponents,
  ifStage,
  type IFTextToImageOptions,
  ifTextToImageOptions,
  pixelsOfNoise,
} from "@denoise/deepfloyd-if";
import type { Prompt } from "@denoise/diffusion";

export type { IFComponents };

/** Options of a call. */
export interface IFOptions extends IFTextToImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type IFArguments = [prompt?: Prompt, options?: IFOptions];

/** A loaded IFPipeline. */
export type IFPipeline = Pipeline<IFComponents, IFArguments, ImageOutput>;

/** Text to images; `IFPipeline` of diffusers. */
export const IFPipeline: PipelineClass<IFComponents, IFArguments, ImageOutput> = definePipeline<
  IFComponents,
  IFArguments,
  ImageOutput
>({
  className: "IFPipeline",
  task: "text-to-image",
  family: "deepfloyd-if",
  takesPrompt: true,
  ...ifStage,
  options: ifTextToImageOptions,
  defaults: { numInferenceSteps: 100, guidanceScale: 7 },
  generate: (run, prompt, options = {}) =>
    drawPixels(run, prompt, options, firstStage(pixelsOfNoise)),
});
