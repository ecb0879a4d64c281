/**
 * SanaPipeline: images from text with Sana (Xie et al., 2024, arXiv:2410.10629): a fast transformer on latents of a
 * 32nd of the image's size, which asks a small language model to read the prompt closely.
 *
 * @example
 * ```ts ignore
 * import { SanaPipeline } from "@denoise/denoise";
 *
 * const pipe = await SanaPipeline.fromPretrained("Efficient-Large-Model/Sana_600M_1024px_diffusers");
 * const { images } = await pipe("a cyberpunk cat", { seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  type BinnedStartOptions,
  binnedStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  fromSanaNoise,
  sana,
  type SanaComponents,
  type SanaOptions,
  sanaOptions,
} from "@denoise/sana";

/** Options of a call. */
export interface SanaCallOptions extends SanaOptions, BinnedStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type SanaCallArguments = [prompt?: Prompt, options?: SanaCallOptions];

/** A loaded SanaPipeline. */
export type SanaPipeline = Pipeline<SanaComponents, SanaCallArguments, ImageOutput>;

/** Text to images with Sana; `SanaPipeline` of diffusers. */
export const SanaPipeline: PipelineClass<SanaComponents, SanaCallArguments, ImageOutput> =
  textToImagePipeline({
    className: "SanaPipeline",
    task: "text-to-image",
    family: sana,
    start: fromSanaNoise,
    ...oneTextEncoder,
    options: { ...sanaOptions, ...binnedStartOptions },
    defaults: { numInferenceSteps: 20, guidanceScale: 4.5 },
  });
