/**
 * LatentConsistencyModelPipeline: images from text in one to eight steps, by a model that says the
 * clean image at once. Luo et al., "Latent Consistency Models" (arXiv:2310.04378).
 * Guidance is part of the model: it is conditioned on the guidance scale, so a step costs one call and there
 * are no negative prompts.
 *
 * @example
 * ```ts ignore
 * import { LatentConsistencyModelPipeline } from "@denoise/denoise";
 *
 * const pipe = await LatentConsistencyModelPipeline.fromPretrained(
 *   "SimianLuo/LCM_Dreamshaper_v7",
 * );
 * const { images } = await pipe("a lighthouse at dusk", { numInferenceSteps: 4 });
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
  type ConsistencyOptions,
  consistencyOptions,
  latentConsistency,
  lcm,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface LatentConsistencyModelOptions extends ConsistencyOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LatentConsistencyModelArguments = [
  prompt?: Prompt,
  options?: LatentConsistencyModelOptions,
];

/** A loaded LatentConsistencyModelPipeline. */
export type LatentConsistencyModelPipeline = Pipeline<
  StableDiffusionComponents,
  LatentConsistencyModelArguments,
  ImageOutput
>;

/** Text to images; `LatentConsistencyModelPipeline` of diffusers. */
export const LatentConsistencyModelPipeline: PipelineClass<
  StableDiffusionComponents,
  LatentConsistencyModelArguments,
  ImageOutput
> = textToImagePipeline({
  className: "LatentConsistencyModelPipeline",
  task: "text-to-image",
  family: lcm,
  start: fromNoise,
  ...latentConsistency,
  options: {
    ...consistencyOptions,
    ...noiseStartOptions,
  },
  defaults: { numInferenceSteps: 4, guidanceScale: 8.5 },
});
