/**
 * StableDiffusionGLIGENPipeline: images from text whose objects stand at places that the call names, or are
 * inpainted into an image. Li et al., "GLIGEN: Open-Set Grounded Text-to-Image Generation" (arXiv:2301.07093).
 *
 * Where objects are inpainted, noise is drawn from the generators of the call on the way, too; diffusers draws it
 * from torch's own.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionGLIGENPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionGLIGENPipeline.fromPretrained(
 *   "masterful/gligen-1-4-generation-text-box",
 * );
 * const { images } = await pipe("a waterfall and a modern high speed train in a beautiful forest", {
 *   gligenPhrases: ["a waterfall", "a modern high speed train"],
 *   gligenBoxes: [[0.1387, 0.2051, 0.4277, 0.709], [0.498, 0.4355, 0.8516, 0.7266]],
 *   gligenScheduledSamplingBeta: 1,
 *   seed: 0,
 * });
 * await images[0].save("train.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  fromBoxes,
  gligen,
  type GligenComponents,
  gligenComponents,
  gligenDefaults,
  type GligenOptions,
  gligenOptions,
} from "@denoise/gligen";
import { prepareStableDiffusion, stableDiffusion } from "@denoise/stable-diffusion";

/** Options of a call. */
export type StableDiffusionGLIGENOptions = GligenOptions;

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionGLIGENArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionGLIGENOptions,
];

/** A loaded StableDiffusionGLIGENPipeline. */
export type StableDiffusionGLIGENPipeline = Pipeline<
  GligenComponents,
  StableDiffusionGLIGENArguments,
  ImageOutput
>;

/** Text and boxes to images; `StableDiffusionGLIGENPipeline` of diffusers. */
export const StableDiffusionGLIGENPipeline: PipelineClass<
  GligenComponents,
  StableDiffusionGLIGENArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionGLIGENPipeline",
  task: "text-to-image",
  family: gligen,
  start: fromBoxes,
  components: gligenComponents,
  settings: stableDiffusion.settings,
  prepare: (parts, warn, facts) => prepareStableDiffusion(parts, warn, facts),
  options: gligenOptions,
  defaults: gligenDefaults,
});
