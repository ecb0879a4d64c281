/**
 * StableDiffusionLDM3DPipeline: images from text with the depth of what they show. Stan et al., "LDM3D: Latent Diffusion
 * Model for 3D" (arXiv:2305.10853).
 *
 * The depth is a tensor of integers of 0 to 65535, and grey images of 16 bits (`furtherImages.depth`); in those of diffusers
 * the high byte is lost with six channels. The command line writes them beside the images (`cat-depth.png`), the HTTP function
 * gives them behind the images, with `shows: "depth"` in the recipe.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionLDM3DPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionLDM3DPipeline.fromPretrained("Intel/ldm3d-4c");
 * const { images, depth, furtherImages } = await pipe("a photo of an astronaut riding a horse on mars", { seed: 0 });
 * await images[0].save("astronaut.png");
 * await furtherImages.depth[0].save("astronaut-depth.png");
 * console.log(depth.dims, depth.max().item()); // [1, 1, 512, 512] up to 65535
 * ```
 *
 * @module
 */
import type { Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToOutputPipeline,
} from "@denoise/diffusion";
import {
  type DepthImageOutput,
  finishDepthImages,
  type SdOptions,
  sdOptions,
  stableDiffusion,
  type StableDiffusionComponents,
  withDepth,
} from "@denoise/stable-diffusion";

export type { DepthImageOutput };

/** Options of a call. */
export interface StableDiffusionLDM3DOptions extends SdOptions, NoiseStartOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionLDM3DArguments = [
  prompt?: Prompt,
  options?: StableDiffusionLDM3DOptions,
];

/** A loaded StableDiffusionLDM3DPipeline. */
export type StableDiffusionLDM3DPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionLDM3DArguments,
  DepthImageOutput
>;

/** Text to images and their depth; `StableDiffusionLDM3DPipeline` of diffusers. */
export const StableDiffusionLDM3DPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionLDM3DArguments,
  DepthImageOutput
> = textToOutputPipeline({
  className: "StableDiffusionLDM3DPipeline",
  task: "text-to-image",
  family: withDepth,
  start: fromNoise,
  ...stableDiffusion,
  options: { ...sdOptions, ...noiseStartOptions, guidanceRescale: { type: "number" } },
  defaults: { numInferenceSteps: 49, guidanceScale: 5 },
}, finishDepthImages);
