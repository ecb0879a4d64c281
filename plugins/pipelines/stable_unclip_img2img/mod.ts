/**
 * StableUnCLIPImg2ImgPipeline: variations of an image, with a text beside it or without, by Stable Diffusion 2 whose
 * UNet is conditioned on the vector that CLIP has for the image. The idea is that of Ramesh et al., "Hierarchical
 * Text-Conditional Image Generation with CLIP Latents" (arXiv:2204.06125).
 *
 * @example
 * ```ts ignore
 * import { StableUnCLIPImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableUnCLIPImg2ImgPipeline.fromPretrained(
 *   "sd2-community/stable-diffusion-2-1-unclip",
 * );
 * const { images } = await pipe("a fantasy landscape", { image: "sketch.png", seed: 0 });
 * await images[0].save("landscape.png");
 * ```
 *
 * @module
 */
import {
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import {
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type GuidanceOptions,
  guidanceOptions,
  unclip,
  type UnCLIPComponents,
  unclipComponents,
  type UnCLIPOptions,
  unclipOptions,
} from "@denoise/stable-diffusion";

export type { UnCLIPComponents };

/** Options of a call. */
export interface StableUnCLIPImg2ImgOptions
  extends RunOptions, GuidanceOptions, NoiseStartOptions, UnCLIPOptions {
  /** Number of denoising steps. Defaults to 20. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt, several or none, then options. */
export type StableUnCLIPImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableUnCLIPImg2ImgOptions,
];

/** A loaded StableUnCLIPImg2ImgPipeline. */
export type StableUnCLIPImg2ImgPipeline = Pipeline<
  UnCLIPComponents,
  StableUnCLIPImg2ImgArguments,
  ImageOutput
>;

/** An image, and a text, to variations; `StableUnCLIPImg2ImgPipeline` of diffusers. */
export const StableUnCLIPImg2ImgPipeline: PipelineClass<
  UnCLIPComponents,
  StableUnCLIPImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableUnCLIPImg2ImgPipeline",
  task: "image-to-image",
  family: unclip,
  start: fromNoise,
  components: unclipComponents,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...noiseStartOptions,
    ...unclipOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 20, guidanceScale: 10, noiseLevel: 0 },
});
