import type { CallOptions, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  type BinnedStartOptions,
  binnedStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import type { PixArtComponents } from "./components.ts";
import {
  fromPixArtNoise,
  pixArt,
  type PixArtOptions,
  pixArtOptions,
  type PixArtVariant,
} from "./family.ts";

/** Options of a call. */
export interface PixArtCallOptions extends PixArtOptions, BinnedStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type PixArtArguments = [prompt?: Prompt, options?: PixArtCallOptions];

/** A loaded pipeline of PixArt. */
export type PixArtPipeline = Pipeline<PixArtComponents, PixArtArguments, ImageOutput>;

/** The class of a pipeline of PixArt. */
export type PixArtPipelineClass = PipelineClass<PixArtComponents, PixArtArguments, ImageOutput>;

const options: CallOptions<PixArtCallOptions> = { ...pixArtOptions, ...binnedStartOptions };

/** The pipeline that makes images from text with a generation of PixArt. */
export function pixArtPipeline(className: string, variant: PixArtVariant): PixArtPipelineClass {
  return textToImagePipeline({
    className,
    task: "text-to-image",
    family: pixArt(variant),
    start: fromPixArtNoise,
    ...oneTextEncoder,
    options,
    defaults: { numInferenceSteps: 20, guidanceScale: 4.5 },
  });
}
