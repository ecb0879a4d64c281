/**
 * StableDiffusionSAGPipeline: images from text, guided by the UNet's own attention, too. Hong et al., "Improving
 * Sample Quality of Diffusion Models Using Self-Attention Guidance" (arXiv:2210.00939). A step costs a second call
 * of the UNet.
 *
 * Schedulers are those that know how noisy a trained timestep is (DDIM, PNDM, DDPM, DEIS, UniPC, DPM-Solver). With an
 * IP-Adapter and guidance the rows of the text follow its images; diffusers gives them one half of the images' tokens,
 * and the unconditional rows the other.
 *
 * @example
 * ```ts ignore
 * import { DDIMScheduler, StableDiffusionSAGPipeline } from "@denoise/denoise";
 *
 * const id = "stable-diffusion-v1-5/stable-diffusion-v1-5";
 * const scheduler = await DDIMScheduler.fromPretrained(id);
 * const pipe = await StableDiffusionSAGPipeline.fromPretrained(id, { scheduler });
 * const { images } = await pipe("a photo of an astronaut riding a horse on mars", {
 *   sagScale: 0.75,
 *   seed: 0,
 * });
 * await images[0].save("astronaut.png");
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  type SagOptions,
  sagOptions,
  selfAttention,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionSAGOptions
  extends RunOptions, GuidanceOptions, ImagePromptOptions, NoiseStartOptions, SagOptions {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionSAGArguments = [prompt?: Prompt, options?: StableDiffusionSAGOptions];

/** A loaded StableDiffusionSAGPipeline. */
export type StableDiffusionSAGPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionSAGArguments,
  ImageOutput
>;

const options: CallOptions<StableDiffusionSAGOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...imagePromptOptions,
  ...noiseStartOptions,
  ...sagOptions,
  numInferenceSteps: timestepOptions.numInferenceSteps,
  eta: { type: "number" },
};

/** Text to images; `StableDiffusionSAGPipeline` of diffusers. */
export const StableDiffusionSAGPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionSAGArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionSAGPipeline",
  task: "text-to-image",
  family: selfAttention,
  start: fromNoise,
  ...stableDiffusion,
  options,
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, sagScale: 0.75 },
});
