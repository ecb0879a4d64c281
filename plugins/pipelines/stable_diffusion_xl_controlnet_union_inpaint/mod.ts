/**
 * StableDiffusionXLControlNetUnionInpaintPipeline: what a mask covers of an image is inpainted, after
 * a text and images of several kinds that say where things are. Zhang, Rao and Agrawala (arXiv:2302.05543)
 * with Stable Diffusion XL (arXiv:2307.01952). With UNets of 9 channels that see mask and image,
 * or of 4.
 *
 * Not covered: the invisible watermark. Where an autoencoder has
 * `latents_mean`, images are encoded and decoded with it; diffusers leaves that out here.
 *
 * @example
 * ```ts ignore
 * import { ControlNetUnionModel, StableDiffusionXLControlNetUnionInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetUnionModel.fromPretrained("xinsir/controlnet-union-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetUnionInpaintPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a cat on a bench", {
 *   image: "dog.png",
 *   maskImage: "mask.png",
 *   controlImage: "edges.png",
 *   controlMode: 1,
 * });
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromMask,
  latentPipeline,
  type MaskStartOptions,
  maskStartOptions,
  type Prompt,
} from "@denoise/diffusion";
import {
  controlledUnionXL,
  controlNetUnionsWith,
  type ControlUnionOptions,
  controlUnionOptions,
  type SdxlImageOptions,
  sdxlImageOptions,
  sdxlWith,
  unionFamily,
  type XlControlUnionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetUnionInpaintOptions
  extends Omit<SdxlImageOptions, "timesteps" | "sigmas">, MaskStartOptions, ControlUnionOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetUnionInpaintArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLControlNetUnionInpaintOptions,
];

const { timesteps: _, sigmas: __, ...imageOptions } = sdxlImageOptions;

/** A loaded StableDiffusionXLControlNetUnionInpaintPipeline. */
export type StableDiffusionXLControlNetUnionInpaintPipeline = Pipeline<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionInpaintArguments,
  ImageOutput
>;

/** Image, mask, control images of several kinds and text to images; `StableDiffusionXLControlNetUnionInpaintPipeline` of diffusers. */
export const StableDiffusionXLControlNetUnionInpaintPipeline: PipelineClass<
  XlControlUnionComponents,
  StableDiffusionXLControlNetUnionInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLControlNetUnionInpaintPipeline",
  task: "inpainting",
  family: unionFamily(sdxlWith({ withoutTimestepCond: true, negativeCropsAsPositive: true })),
  start: fromMask,
  control: controlNetUnionsWith({ guessModeAsGiven: true }),
  ...controlledUnionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  options: {
    ...imageOptions,
    ...maskStartOptions,
    ...controlUnionOptions,
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.9999,
    guidanceScale: 5,
    controlnetConditioningScale: 1,
  },
});
