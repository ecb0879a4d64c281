/**
 * StableDiffusionXLPAGPipeline: images from text with Stable Diffusion XL, guided by what the UNet
 * predicts with perturbed self-attention, too. Ahn et al., "Self-Rectifying Diffusion Sampling with
 * Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it with `enablePag: true`.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPAGPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPAGPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 * );
 * const { images } = await pipe("a lighthouse at dusk, film grain", { pagScale: 3, seed: 0 });
 * await images[0].save("lighthouse.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  pagDefaults,
  type PagOptions,
  pagOptions,
  perturbed,
  type SdxlTextOptions,
  sdxlTextOptions,
  sdxlWith,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLPAGOptions
  extends SdxlTextOptions, NoiseStartOptions, PagOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLPAGArguments = [
  prompt?: Prompt,
  options?: StableDiffusionXLPAGOptions,
];

/** A loaded StableDiffusionXLPAGPipeline. */
export type StableDiffusionXLPAGPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionXLPAGPipeline` of diffusers. */
export const StableDiffusionXLPAGPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLPAGArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionXLPAGPipeline",
  task: "text-to-image",
  family: perturbed(sdxlWith({ withoutBeginIndex: true })),
  start: fromNoise,
  ...stableDiffusionXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...pagOptions,
    ...sdxlTextOptions,
    ...noiseStartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: { ...pagDefaults, numInferenceSteps: 50, guidanceScale: 5 },
});
