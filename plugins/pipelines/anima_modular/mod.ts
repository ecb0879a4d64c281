/**
 * AnimaModularPipeline: illustrations from text, or from an image that is changed as a text says, with Anima (CircleStone
 * Labs, 2026). An image is resized to the size of the call.
 *
 * Not covered: other guiders than classifier-free guidance.
 *
 * @example
 * ```ts ignore
 * import { AnimaModularPipeline } from "@denoise/denoise";
 *
 * const pipe = await AnimaModularPipeline.fromPretrained("./anima");
 * const { images } = await pipe("1girl, solo, upper body, looking at viewer, cherry blossoms", {
 *   negativePrompt: "worst quality, low quality",
 *   seed: 0,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  anima,
  type AnimaComponents,
  animaComponents,
  type AnimaOptions,
  animaOptions,
  fromAnimaImage,
} from "@denoise/anima";
import {
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";

/** Options of a call. */
export interface AnimaCallOptions extends AnimaOptions, NoiseStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AnimaArguments = [prompt?: Prompt, options?: AnimaCallOptions];

/** A loaded AnimaModularPipeline. */
export type AnimaModularPipeline = Pipeline<AnimaComponents, AnimaArguments, ImageOutput>;

/** Text, and image and text, to images with Anima; `AnimaModularPipeline` of diffusers. */
export const AnimaModularPipeline: PipelineClass<AnimaComponents, AnimaArguments, ImageOutput> =
  textToImagePipeline({
    className: "AnimaModularPipeline",
    task: ["text-to-image", "image-to-image"],
    family: anima,
    start: fromAnimaImage,
    components: animaComponents,
    options: { ...animaOptions, ...noiseStartOptions },
    defaults: { numInferenceSteps: 50, guidanceScale: 4 },
  });
