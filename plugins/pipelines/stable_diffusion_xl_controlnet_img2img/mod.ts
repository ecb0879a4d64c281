/**
 * StableDiffusionXLControlNetImg2ImgPipeline: an image changed towards a text, with a second image
 * of edges, a pose or depth that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543),
 * with SDEdit, Meng et al. (arXiv:2108.01073), and Stable Diffusion XL (arXiv:2307.01952).
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-depth-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetImg2ImgPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "depth.png",
 *   strength: 0.7,
 * });
 * await images[0].save("bronze.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type ControlledImageOptions,
  controlledImageOptions,
  controlledXL,
  controlNets,
  type SdxlOptions,
  sdxlOptions,
  sdxlWith,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlControlComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetImg2ImgOptions
  extends
    SdxlOptions,
    XlAestheticOptions,
    ImageStartOptions,
    ControlledImageOptions,
    NoiseStartOptions {
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetImg2ImgOptions,
];

/** A loaded StableDiffusionXLControlNetImg2ImgPipeline. */
export type StableDiffusionXLControlNetImg2ImgPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetImg2ImgArguments,
  ImageOutput
>;

/** Image, control image and text to images; `StableDiffusionXLControlNetImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLControlNetImg2ImgPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetImg2ImgPipeline",
  task: "image-to-image",
  family: sdxlWith({ withoutTimestepCond: true }),
  start: fromImage,
  control: controlNets,
  ...controlledXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlOptions,
    ...xlAestheticOptions,
    ...imageStartOptions,
    ...controlledImageOptions,
    ...noiseStartOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.8,
    guidanceScale: 5,
    controlnetConditioningScale: 0.8,
  },
});
