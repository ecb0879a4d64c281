/**
 * KolorsPipeline: images from text in Chinese or English: ChatGLM3 reads it for the UNet of Stable Diffusion XL. Kolors team,
 * "Kolors: Effective Training of Diffusion Model for Photorealistic Text-to-Image Synthesis" (2024).
 *
 * @example
 * ```ts ignore
 * import { KolorsPipeline } from "@denoise/denoise";
 *
 * const pipe = await KolorsPipeline.fromPretrained("Kwai-Kolors/Kolors-diffusers");
 * const { images } = await pipe("日落时的灯塔，高质量，胶片颗粒", { seed: 0 });
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

export type { KolorsComponents };

/** Options of a call. */
export interface KolorsOptions extends KolorsBaseOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type KolorsArguments = [prompt?: Prompt, options?: KolorsOptions];

/** A loaded KolorsPipeline. */
export type KolorsPipeline = Pipeline<KolorsComponents, KolorsArguments, ImageOutput>;

/** Text to images; `KolorsPipeline` of diffusers. */
export const KolorsPipeline: PipelineClass<KolorsComponents, KolorsArguments, ImageOutput> =
  textToImagePipeline({
    className: "KolorsPipeline",
    task: "text-to-image",
    family: kolors,
    start: fromNoise,
    ...kolorsParts,
    options: { ...kolorsBaseOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 5, maxSequenceLength: 256 },
  });
