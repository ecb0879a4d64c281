/**
 * ZImagePipeline: images from text with Z-Image and Z-Image-Turbo (Z-Image Team, 2025,
 * arXiv:2511.22699). Turbo makes them in 8 or 9 steps without guidance, the plain model in about 50 with it.
 *
 * @example
 * ```ts ignore
 * import { ZImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await ZImagePipeline.fromPretrained("Tongyi-MAI/Z-Image-Turbo");
 * const { images } = await pipe("a cat that holds a sign", {
 *   numInferenceSteps: 9,
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
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  zImage,
  zImageBlocks,
  type ZImageComponents,
  type ZImageOptions,
  zImageOptions,
} from "@denoise/z-image";

/** Options of a call. */
export interface ZImageCallOptions extends ZImageOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type ZImageArguments = [prompt?: Prompt, options?: ZImageCallOptions];

/** A loaded ZImagePipeline. */
export type ZImagePipeline = Pipeline<ZImageComponents, ZImageArguments, ImageOutput>;

/** Text to images with Z-Image; `ZImagePipeline` of diffusers. */
export const ZImagePipeline: PipelineClass<ZImageComponents, ZImageArguments, ImageOutput> =
  textToImagePipeline({
    className: "ZImagePipeline",
    task: "text-to-image",
    family: zImage,
    start: fromNoise,
    ...oneTextEncoder,
    options: { ...zImageOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 5 },
    blocks: zImageBlocks,
  });
