/**
 * PaintByExamplePipeline: a part of an image inpainted as an example image shows it. Yang et al., "Paint by Example:
 * Exemplar-based Image Editing with Diffusion Models" (arXiv:2211.13227).
 *
 * The image is taken in its own size. The command line is given the example as `--option example_image=FILE`; the HTTP
 * function has no place for one and refuses the class by name.
 *
 * @example
 * ```ts ignore
 * import { PaintByExamplePipeline } from "@denoise/denoise";
 *
 * const pipe = await PaintByExamplePipeline.fromPretrained("Fantasy-Studio/Paint-by-Example");
 * const { images } = await pipe({
 *   image: "bench.png", // 512x512
 *   maskImage: "mask.png",
 *   exampleImage: "dog.jpg",
 *   seed: 0,
 * });
 * await images[0].save("dog-on-a-bench.png");
 * ```
 *
 * @module
 */
import type { ComponentSpec, ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { checkSafety, promptlessPipeline } from "@denoise/diffusion";
import {
  fromNoiseAroundMask,
  paintByExample,
  type PaintByExampleCallOptions,
  type PaintByExampleComponents,
  paintByExampleOptions,
} from "@denoise/stable-diffusion";

export type { PaintByExampleComponents };

/** Options of a call. */
export interface PaintByExampleOptions extends PaintByExampleCallOptions {}

/** A loaded PaintByExamplePipeline. */
export type PaintByExamplePipeline = Pipeline<
  PaintByExampleComponents,
  [options: PaintByExampleOptions],
  ImageOutput
>;

const components: { readonly [K in keyof PaintByExampleComponents]: ComponentSpec } = {
  vae: { kind: "model" },
  imageEncoder: { kind: "model" },
  unet: { kind: "model" },
  scheduler: { kind: "scheduler" },
  safetyChecker: { kind: "model", optional: true },
  featureExtractor: { kind: "processor" },
};

/** An image and an example to an image; `PaintByExamplePipeline` of diffusers. */
export const PaintByExamplePipeline: PipelineClass<
  PaintByExampleComponents,
  [options: PaintByExampleOptions],
  ImageOutput
> = promptlessPipeline({
  className: "PaintByExamplePipeline",
  task: "inpainting",
  family: paintByExample,
  start: fromNoiseAroundMask,
  components,
  settings: { requires_safety_checker: false },
  prepare(components, warn, { className, settings }) {
    checkSafety(components, className, settings.requires_safety_checker === true, warn);
    return {};
  },
  options: paintByExampleOptions,
  defaults: { numInferenceSteps: 50, guidanceScale: 5 },
});
