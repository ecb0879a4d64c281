/**
 * StableDiffusionXLControlNetUnionImg2ImgPipeline: an image changed towards a text, with images of
 * several kinds (a pose, depth, edges) that say where things are. Zhang, Rao and Agrawala (arXiv:2302.05543),
 * with SDEdit, Meng et al. (arXiv:2108.01073), and Stable Diffusion XL (arXiv:2307.01952).
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetUnionModel, StableDiffusionXLControlNetUnionImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetUnionModel.fromPretrained("xinsir/controlnet-union-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetUnionImg2ImgPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "depth.png",
 *   controlMode: 1,
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
  controlledUnionXL,
  controlNetUnions,
  type ControlUnionOptions,
  controlUnionOptions,
  type SdxlOptions,
  sdxlOptions,
  sdxlWith,
  unionFamily,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlControlUnionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetUnionImg2ImgOptions
  extends
    SdxlOptions,
    XlAestheticOptions,
    ImageStartOptions,
    ControlUnionOptions,
    NoiseStartOptions {
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetUnionImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetUnionImg2ImgOptions,
];

/** A loaded StableDiffusionXLControlNetUnionImg2ImgPipeline. */
export type StableDiffusionXLControlNetUnionImg2ImgPipeline = Pipeline<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionImg2ImgArguments,
  ImageOutput
>;

/** Image, control images of several kinds and text to images; `StableDiffusionXLControlNetUnionImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLControlNetUnionImg2ImgPipeline: PipelineClass<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetUnionImg2ImgPipeline",
  task: "image-to-image",
  family: unionFamily(sdxlWith({ withoutTimestepCond: true })),
  start: fromImage,
  control: controlNetUnions,
  ...controlledUnionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlOptions,
    ...xlAestheticOptions,
    ...imageStartOptions,
    ...controlUnionOptions,
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
