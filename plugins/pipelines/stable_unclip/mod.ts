/**
 * StableUnCLIPPipeline: images from text by Stable Diffusion 2 whose UNet is conditioned on the vector of an image, too,
 * which a prior makes of the text. The idea is that of Ramesh et al., "Hierarchical Text-Conditional Image Generation
 * with CLIP Latents" (arXiv:2204.06125).
 *
 * The steps of the prior show nothing. Not covered: `prompt_embeds`, with which the reference fails.
 *
 * @example
 * ```ts ignore
 * import { StableUnCLIPPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableUnCLIPPipeline.fromPretrained("./stable-unclip-2-1-l");
 * const { images } = await pipe("dramatic wave, the oceans roar", { seed: 0 });
 * await images[0].save("wave.png");
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
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
  timestepOptions,
} from "@denoise/diffusion";
import {
  unclipFromText,
  type UnCLIPTextComponents,
  unclipTextComponents,
  type UnCLIPTextOptions,
  unclipTextOptions,
} from "@denoise/stable-diffusion";

export type { UnCLIPTextComponents };

/** Options of a call. */
export interface StableUnCLIPOptions extends RunOptions, NoiseStartOptions, UnCLIPTextOptions {
  /** Number of denoising steps. Defaults to 20. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1, of the prior's too; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, then options. */
export type StableUnCLIPArguments = [prompt?: Prompt, options?: StableUnCLIPOptions];

/** A loaded StableUnCLIPPipeline. */
export type StableUnCLIPPipeline = Pipeline<
  UnCLIPTextComponents,
  StableUnCLIPArguments,
  ImageOutput
>;

/** Text to images; `StableUnCLIPPipeline` of diffusers. */
export const StableUnCLIPPipeline: PipelineClass<
  UnCLIPTextComponents,
  StableUnCLIPArguments,
  ImageOutput
> = textToImagePipeline({
  className: "StableUnCLIPPipeline",
  task: "text-to-image",
  family: unclipFromText,
  start: fromNoise,
  components: unclipTextComponents,
  options: {
    ...runOptions,
    ...noiseStartOptions,
    ...unclipTextOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    eta: { type: "number" },
  },
  defaults: {
    numInferenceSteps: 20,
    guidanceScale: 10,
    noiseLevel: 0,
    priorNumInferenceSteps: 25,
    priorGuidanceScale: 4,
  },
});
