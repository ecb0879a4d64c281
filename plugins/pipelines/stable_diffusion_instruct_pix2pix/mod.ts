/**
 * StableDiffusionInstructPix2PixPipeline: an image edited as a text tells it to. The UNet sees the image
 * beside the latents, and is guided by the text and by the image. Brooks, Holynski and Efros,
 * "InstructPix2Pix: Learning to Follow Image Editing Instructions" (arXiv:2211.09800).
 *
 * `ipAdapterImageEmbeds` have two rows for each IP-Adapter, as in the other pipelines; diffusers leaves
 * them aside where there is no `ip_adapter_image`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionInstructPix2PixPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionInstructPix2PixPipeline.fromPretrained(
 *   "timbrooks/instruct-pix2pix",
 * );
 * const { images } = await pipe("make the mountains snowy", { image: "mountains.png" });
 * await images[0].save("snow.png");
 * ```
 *
 * @module
 */
import {
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
  type Tensor,
} from "@denoise/core";
import { fromNoise, latentPipeline, type Prompt, timestepOptions } from "@denoise/diffusion";
import {
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  pix2pix,
  type Pix2PixOptions,
  pix2pixOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionInstructPix2PixOptions
  extends RunOptions, Omit<GuidanceOptions, "clipSkip">, Pix2PixOptions, ImagePromptOptions {
  /** Number of denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8] of the image. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionInstructPix2PixArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionInstructPix2PixOptions,
];

/** A loaded StableDiffusionInstructPix2PixPipeline. */
export type StableDiffusionInstructPix2PixPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionInstructPix2PixArguments,
  ImageOutput
>;

const { clipSkip: _, ...guidance } = guidanceOptions;

/** Image and instruction to images; `StableDiffusionInstructPix2PixPipeline` of diffusers. */
export const StableDiffusionInstructPix2PixPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionInstructPix2PixArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionInstructPix2PixPipeline",
  task: "image-to-image",
  family: pix2pix,
  start: fromNoise,
  ...stableDiffusion,
  options: {
    ...runOptions,
    ...guidance,
    ...pix2pixOptions,
    ...imagePromptOptions,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 100, guidanceScale: 7.5, imageGuidanceScale: 1.5 },
});
