/**
 * SemanticStableDiffusionPipeline: images from text that are edited on the way, towards some concepts and away from
 * others, with little change of the rest. Brack et al., "SEGA: Instructing Text-to-Image Models using Semantic
 * Guidance" (arXiv:2301.12247).
 *
 * Edits need guidance: at a `guidanceScale` of 1 or below they have no effect, of which a warning tells. Of
 * several prompts `editingPromptEmbeddings` edit every image by every concept; diffusers mixes them up.
 *
 * @example
 * ```ts ignore
 * import { SemanticStableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await SemanticStableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("a photo of the face of a woman", {
 *   guidanceScale: 7,
 *   editingPrompt: ["smiling, smile", "glasses, wearing glasses"],
 *   reverseEditingDirection: [false, true],
 *   editGuidanceScale: [4, 5],
 *   editThreshold: [0.99, 0.975],
 *   seed: 0,
 * });
 * await images[0].save("smile.png");
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  type ComponentSpec,
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
  prepareStableDiffusion,
  semantic,
  semanticDefaults,
  type SemanticOptions,
  semanticOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** What the pipeline consists of. */
export type SemanticStableDiffusionComponents = Omit<StableDiffusionComponents, "imageEncoder">;

type Components = { readonly [K in keyof SemanticStableDiffusionComponents]: ComponentSpec };

/** Options of a call. */
export interface SemanticStableDiffusionOptions
  extends RunOptions, GuidanceOptions, NoiseStartOptions, SemanticOptions {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type SemanticStableDiffusionArguments = [
  prompt?: Prompt,
  options?: SemanticStableDiffusionOptions,
];

/** A loaded SemanticStableDiffusionPipeline. */
export type SemanticStableDiffusionPipeline = Pipeline<
  SemanticStableDiffusionComponents,
  SemanticStableDiffusionArguments,
  ImageOutput
>;

const options: CallOptions<SemanticStableDiffusionOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...noiseStartOptions,
  ...semanticOptions,
  numInferenceSteps: timestepOptions.numInferenceSteps,
  eta: { type: "number" },
};

const { imageEncoder: _, ...roles } = stableDiffusion.components;
const components: Components = roles;

/** Text to images that are edited on the way; `SemanticStableDiffusionPipeline` of diffusers. */
export const SemanticStableDiffusionPipeline: PipelineClass<
  SemanticStableDiffusionComponents,
  SemanticStableDiffusionArguments,
  ImageOutput
> = textToImagePipeline({
  className: "SemanticStableDiffusionPipeline",
  task: "text-to-image",
  family: semantic,
  start: fromNoise,
  components,
  settings: stableDiffusion.settings,
  prepare: (parts, warn, facts) => prepareStableDiffusion(parts, warn, facts),
  options,
  defaults: { ...semanticDefaults, numInferenceSteps: 50, guidanceScale: 7.5 },
});
