/**
 * Krea2Pipeline: images from text with Krea 2 (Krea AI, 2026), a transformer of 12.8 billion parameters that reads
 * prompts with Qwen3-VL: the base model in about 28 guided steps, Krea 2 Turbo in 8 without guidance.
 *
 * Latents that are given or asked for are [N, 16, height / 8, width / 8]; diffusers packs them into tokens. Sides
 * that are no multiples of 16 are rounded up, with a warning.
 *
 * @example
 * ```ts ignore
 * import { Krea2Pipeline } from "@denoise/denoise";
 *
 * const pipe = await Krea2Pipeline.fromPretrained("krea/Krea-2-Turbo");
 * const { images } = await pipe("a fox in the snow", {
 *   numInferenceSteps: 8,
 *   guidanceScale: 0,
 *   seed: 0,
 * });
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
  krea2,
  type Krea2Components,
  krea2Components,
  type Krea2Options,
  krea2Options,
} from "@denoise/krea2";

/** Options of a call. */
export interface Krea2CallOptions extends Krea2Options, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Krea2Arguments = [prompt?: Prompt, options?: Krea2CallOptions];

/** A loaded Krea2Pipeline. */
export type Krea2Pipeline = Pipeline<Krea2Components, Krea2Arguments, ImageOutput>;

/** Text to images with Krea 2; `Krea2Pipeline` of diffusers. */
export const Krea2Pipeline: PipelineClass<Krea2Components, Krea2Arguments, ImageOutput> =
  textToImagePipeline({
    className: "Krea2Pipeline",
    task: "text-to-image",
    family: krea2,
    start: fromNoise,
    ...krea2Components,
    options: { ...krea2Options, ...noiseStartOptions },
    defaults: { numInferenceSteps: 28, guidanceScale: 4.5 },
    blocks: {
      Krea2TurboModularPipeline: {
        is_distilled: true,
        _defaults: { num_inference_steps: 8, guidance_scale: 0 },
      },
    },
  });
