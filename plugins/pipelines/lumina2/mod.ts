/**
 * Lumina2Pipeline: images from text with Lumina-Image 2.0 (Qin et al., 2025, arXiv:2503.21758), a transformer of
 * 2.6 billion parameters that reads prompts with Gemma 2.
 *
 * @example
 * ```ts ignore
 * import { Lumina2Pipeline } from "@denoise/denoise";
 *
 * const pipe = await Lumina2Pipeline.fromPretrained("Alpha-VLLM/Lumina-Image-2.0");
 * const { images } = await pipe("upper body of a young woman", { cfgTruncRatio: 0.25, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  fromNoise,
  type NoiseStartOptions,
  noiseStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  lumina2,
  type Lumina2Components,
  type Lumina2Options,
  lumina2Options,
} from "@denoise/lumina2";

/** Options of a call. */
export interface Lumina2CallOptions extends Lumina2Options, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Lumina2Arguments = [prompt?: Prompt, options?: Lumina2CallOptions];

/** A loaded Lumina2Pipeline. */
export type Lumina2Pipeline = Pipeline<Lumina2Components, Lumina2Arguments, ImageOutput>;

/** Text to images with Lumina-Image 2.0; `Lumina2Pipeline` of diffusers. */
export const Lumina2Pipeline: PipelineClass<Lumina2Components, Lumina2Arguments, ImageOutput> =
  textToImagePipeline({
    className: "Lumina2Pipeline",
    task: "text-to-image",
    family: lumina2,
    start: fromNoise,
    ...oneTextEncoder,
    options: { ...lumina2Options, ...noiseStartOptions },
    defaults: { numInferenceSteps: 30, guidanceScale: 4 },
  });
