/**
 * StableDiffusionAdapterPipeline: images from text and an image of edges, a pose, depth or colours that
 * T2I-Adapters follow, which run once for all steps. Mou et al., "T2I-Adapter: Learning Adapters to Dig out
 * More Controllable Ability for Text-to-Image Diffusion Models" (arXiv:2302.08453); Stable Diffusion 1.x.
 *
 * An image is made grey for an adapter of one channel.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionAdapterPipeline, T2IAdapter } from "@denoise/denoise";
 *
 * const adapter = await T2IAdapter.fromPretrained("TencentARC/t2iadapter_canny_sd15v2");
 * const pipe = await StableDiffusionAdapterPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { adapter },
 * );
 * const { images } = await pipe("a bird", { image: "edges.png", seed: 0 });
 * await images[0].save("bird.png");
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
  type Prompt,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  adapted,
  adaptedFamily,
  type GuidanceOptions,
  guidanceOptions,
  sd,
  type T2IAdapterComponents,
  type T2IAdapterOptions,
  t2iAdapterOptions,
  t2iAdapters,
} from "@denoise/stable-diffusion";

export type { T2IAdapterComponents };

/** Options of a call. */
export interface StableDiffusionAdapterOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, T2IAdapterOptions {
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionAdapterArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionAdapterOptions,
];

/** A loaded StableDiffusionAdapterPipeline. */
export type StableDiffusionAdapterPipeline = Pipeline<
  T2IAdapterComponents,
  StableDiffusionAdapterArguments,
  ImageOutput
>;

/** Text and an image to follow to images; `StableDiffusionAdapterPipeline` of diffusers. */
export const StableDiffusionAdapterPipeline: PipelineClass<
  T2IAdapterComponents,
  StableDiffusionAdapterArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionAdapterPipeline",
  task: "text-to-image",
  family: adaptedFamily(sd),
  start: fromNoise,
  control: t2iAdapters,
  ...adapted,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...t2iAdapterOptions,
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, adapterConditioningScale: 1 },
});
