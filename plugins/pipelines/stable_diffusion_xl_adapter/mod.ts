/**
 * StableDiffusionXLAdapterPipeline: images from text and an image of edges, a pose, depth or a sketch that
 * T2I-Adapters follow, which run once for all steps. Mou et al., "T2I-Adapter: Learning Adapters to Dig out
 * More Controllable Ability for Text-to-Image Diffusion Models" (arXiv:2302.08453), with Stable Diffusion
 * XL, Podell et al. (arXiv:2307.01952).
 *
 * An image is made grey for an adapter of one channel.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLAdapterPipeline, T2IAdapter } from "@denoise/denoise";
 *
 * const adapter = await T2IAdapter.fromPretrained("TencentARC/t2i-adapter-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLAdapterPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { adapter },
 * );
 * const { images } = await pipe("a bird", {
 *   image: "edges.png",
 *   adapterConditioningScale: 0.8,
 *   adapterConditioningFactor: 0.6,
 *   seed: 0,
 * });
 * await images[0].save("bird.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  adaptedFamily,
  adaptedXL,
  sdxl,
  type SdxlTextOptions,
  sdxlTextOptions,
  type T2IAdapterOptions,
  t2iAdapterOptions,
  type T2IAdapterPartOptions,
  t2iAdapterPartOptions,
  t2iAdapters,
  type XlT2IAdapterComponents,
} from "@denoise/stable-diffusion";

export type { XlT2IAdapterComponents };

/** Options of a call. */
export interface StableDiffusionXLAdapterOptions
  extends SdxlTextOptions, T2IAdapterOptions, T2IAdapterPartOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLAdapterArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLAdapterOptions,
];

/** A loaded StableDiffusionXLAdapterPipeline. */
export type StableDiffusionXLAdapterPipeline = Pipeline<
  XlT2IAdapterComponents,
  StableDiffusionXLAdapterArguments,
  ImageOutput
>;

/** Text and an image to follow to images; `StableDiffusionXLAdapterPipeline` of diffusers. */
export const StableDiffusionXLAdapterPipeline: PipelineClass<
  XlT2IAdapterComponents,
  StableDiffusionXLAdapterArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLAdapterPipeline",
  task: "text-to-image",
  family: adaptedFamily(sdxl),
  start: fromNoise,
  control: t2iAdapters,
  ...adaptedXL,
  settings: { force_zeros_for_empty_prompt: true },
  options: {
    ...sdxlTextOptions,
    ...t2iAdapterOptions,
    ...t2iAdapterPartOptions,
    guidanceRescale: { type: "number" },
  },
  defaults: {
    numInferenceSteps: 50,
    guidanceScale: 5,
    adapterConditioningScale: 1,
    adapterConditioningFactor: 1,
  },
});
