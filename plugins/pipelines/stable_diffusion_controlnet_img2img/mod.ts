/**
 * StableDiffusionControlNetImg2ImgPipeline: an image changed towards a text, with a second image
 * of edges, a pose or depth that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543),
 * with SDEdit, Meng et al. (arXiv:2108.01073).
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetImg2ImgPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "edges.png",
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
  type Prompt,
  type SizeOptions,
  sizeOptions,
} from "@denoise/diffusion";
import {
  type ControlComponents,
  controlled,
  type ControlledImageOptions,
  controlledImageOptions,
  controlNets,
  sd,
  type SdOptions,
  sdOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetImg2ImgOptions
  extends SdOptions, ImageStartOptions, ControlledImageOptions, SizeOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionControlNetImg2ImgOptions,
];

/** A loaded StableDiffusionControlNetImg2ImgPipeline. */
export type StableDiffusionControlNetImg2ImgPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetImg2ImgArguments,
  ImageOutput
>;

/** Image, control image and text to images; `StableDiffusionControlNetImg2ImgPipeline` of diffusers. */
export const StableDiffusionControlNetImg2ImgPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionControlNetImg2ImgPipeline",
  task: "image-to-image",
  family: sd,
  start: fromImage,
  control: controlNets,
  ...controlled,
  options: {
    ...sdOptions,
    ...imageStartOptions,
    ...controlledImageOptions,
    ...sizeOptions,
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.8,
    guidanceScale: 7.5,
    controlnetConditioningScale: 0.8,
  },
});
