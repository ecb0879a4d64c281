/**
 * StableDiffusionGLIGENTextImagePipeline: images from text whose objects stand at places that the call names, said
 * by phrases or shown by images, or are inpainted into an image. Li et al., "GLIGEN: Open-Set Grounded
 * Text-to-Image Generation" (arXiv:2301.07093).
 *
 * As in diffusers all steps know of the objects: `gligenScheduledSamplingBeta` changes nothing, of which a warning
 * tells. Where objects are inpainted, noise is drawn from the generators of the call on the way, too; diffusers
 * draws it from torch's own.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionGLIGENTextImagePipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionGLIGENTextImagePipeline.fromPretrained("anhnct/Gligen_Text_Image");
 * const { images } = await pipe("a flower sitting on the beach", {
 *   gligenPhrases: ["flower"],
 *   gligenImages: ["flower.png"],
 *   gligenBoxes: [[0, 0.09, 0.53, 0.76]],
 *   seed: 0,
 * });
 * await images[0].save("beach.png");
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  fromBoxes,
  gligenDefaults,
  gligenTextImage,
  type GligenTextImageComponents,
  gligenTextImageComponents,
  type GligenTextImageOptions,
  gligenTextImageOptions,
} from "@denoise/gligen";
import { prepareStableDiffusion, stableDiffusion } from "@denoise/stable-diffusion";

/** Options of a call. */
export type StableDiffusionGLIGENTextImageOptions = GligenTextImageOptions;

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionGLIGENTextImageArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionGLIGENTextImageOptions,
];

/** A loaded StableDiffusionGLIGENTextImagePipeline. */
export type StableDiffusionGLIGENTextImagePipeline = Pipeline<
  GligenTextImageComponents,
  StableDiffusionGLIGENTextImageArguments,
  ImageOutput
>;

const { gligenScheduledSamplingBeta: _, ...defaults } = gligenDefaults;

/** Text, images and boxes to images; `StableDiffusionGLIGENTextImagePipeline` of diffusers. */
export const StableDiffusionGLIGENTextImagePipeline: PipelineClass<
  GligenTextImageComponents,
  StableDiffusionGLIGENTextImageArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionGLIGENTextImagePipeline",
  task: "text-to-image",
  family: gligenTextImage,
  start: fromBoxes,
  components: gligenTextImageComponents,
  settings: stableDiffusion.settings,
  prepare: (parts, warn, facts) => prepareStableDiffusion(parts, warn, facts),
  options: gligenTextImageOptions,
  defaults: { ...defaults, gligenNormalizeConstant: 28.7 },
});
