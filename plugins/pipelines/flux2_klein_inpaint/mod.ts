/**
 * Flux2KleinInpaintPipeline: what a mask covers of an image is inpainted as a text says, perhaps with what another
 * image shows, with FLUX.2 klein (Black Forest Labs, 2026). The image says the size: sides are cut to whole
 * tokens, more than 1024² pixels are shrunk. It is a reference that the model reads, too.
 *
 * Latents that are asked for are those of the transformer, [N, 128, height / 16, width / 16], where diffusers gives those of
 * the autoencoder. Not covered: several reference images, `paddingMaskCrop` (with which diffusers puts
 * the middle of what it has made into the image, instead of all of it made smaller).
 *
 * @example
 * ```ts ignore
 * import { Flux2KleinInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await Flux2KleinInpaintPipeline.fromPretrained("black-forest-labs/FLUX.2-klein-4B");
 * const { images } = await pipe("this ball", {
 *   image: "room.png",
 *   maskImage: "mask.png",
 *   imageReference: "ball.png",
 *   numInferenceSteps: 4,
 * });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, type Prompt } from "@denoise/diffusion";
import {
  type Flux2Components,
  flux2Inpainting,
  flux2Klein,
  type Flux2KleinInpaintOptions,
  flux2KleinInpaintOptions,
  flux2KleinOptions,
  fromFlux2Mask,
} from "@denoise/flux2";

export type { Flux2KleinInpaintOptions };

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type Flux2KleinInpaintArguments = [
  prompt: Prompt | undefined,
  options: Flux2KleinInpaintOptions,
];

/** A loaded Flux2KleinInpaintPipeline. */
export type Flux2KleinInpaintPipeline = Pipeline<
  Flux2Components,
  Flux2KleinInpaintArguments,
  ImageOutput
>;

const { image: _references, ...options } = flux2KleinOptions;

/** Image, mask and text to images with FLUX.2 klein; `Flux2KleinInpaintPipeline` of diffusers. */
export const Flux2KleinInpaintPipeline: PipelineClass<
  Flux2Components,
  Flux2KleinInpaintArguments,
  ImageOutput
> = latentPipeline({
  className: "Flux2KleinInpaintPipeline",
  task: "inpainting",
  family: flux2Inpainting,
  start: fromFlux2Mask,
  ...flux2Klein,
  options: { ...options, ...flux2KleinInpaintOptions },
  defaults: { numInferenceSteps: 50, strength: 0.8, guidanceScale: 8 },
});
