/**
 * KolorsPAGPipeline: images from text with Kolors, guided by what the UNet predicts with perturbed self-attention, too. Ahn et
 * al., "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377). `AutoPipeline` takes it with
 * `enablePag: true`.
 *
 * @example
 * ```ts ignore
 * import { KolorsPAGPipeline } from "@denoise/denoise";
 *
 * const pipe = await KolorsPAGPipeline.fromPretrained("Kwai-Kolors/Kolors-diffusers");
 * const { images } = await pipe("日落时的灯塔", { pagScale: 1.5, seed: 0 });
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
  kolors,
  type KolorsBaseOptions,
  kolorsBaseOptions,
  type KolorsComponents,
  kolorsParts,
} from "@denoise/kolors";
import { pagDefaults, type PagOptions, pagOptions, perturbed } from "@denoise/stable-diffusion";

/** Options of a call. */
export interface KolorsPAGOptions extends KolorsBaseOptions, NoiseStartOptions, PagOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type KolorsPAGArguments = [prompt?: Prompt, options?: KolorsPAGOptions];

/** A loaded KolorsPAGPipeline. */
export type KolorsPAGPipeline = Pipeline<KolorsComponents, KolorsPAGArguments, ImageOutput>;

/** Text to images; `KolorsPAGPipeline` of diffusers. */
export const KolorsPAGPipeline: PipelineClass<KolorsComponents, KolorsPAGArguments, ImageOutput> =
  textToImagePipeline({
    className: "KolorsPAGPipeline",
    task: "text-to-image",
    family: perturbed(kolors),
    start: fromNoise,
    ...kolorsParts,
    options: { ...pagOptions, ...kolorsBaseOptions, ...noiseStartOptions },
    defaults: { ...pagDefaults, numInferenceSteps: 50, guidanceScale: 5, maxSequenceLength: 256 },
  });
