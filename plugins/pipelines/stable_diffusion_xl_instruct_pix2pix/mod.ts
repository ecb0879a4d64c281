/**
 * StableDiffusionXLInstructPix2PixPipeline: an image edited as a text tells it to, by a Stable Diffusion
 * XL whose UNet sees the image beside the latents. Brooks, Holynski and Efros, "InstructPix2Pix: Learning
 * to Follow Image Editing Instructions" (arXiv:2211.09800); Podell et al. (arXiv:2307.01952). The image is
 * resized to the size that is made.
 *
 * Not covered: the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLInstructPix2PixPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLInstructPix2PixPipeline.fromPretrained(
 *   "diffusers/sdxl-instructpix2pix-768",
 * );
 * const { images } = await pipe("turn the sky into a cloudy one", {
 *   image: "mountains.png",
 *   height: 768,
 *   width: 768,
 *   guidanceScale: 3,
 * });
 * await images[0].save("clouds.png");
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
} from "@denoise/core";
import {
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  fromNoise,
  latentPipeline,
  type NoiseStartOptions,
  noiseStartOptions,
  type Prompt,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type Pix2PixOptions,
  pix2pixOptions,
  pix2pixXL,
  stableDiffusionXL,
  type XlGuidanceOptions,
  xlGuidanceOptions,
  type XlPix2PixModels,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLInstructPix2PixOptions
  extends
    RunOptions,
    Omit<XlGuidanceOptions, "clipSkip">,
    Pick<XlSizeOptions, "originalSize" | "cropsCoordsTopLeft" | "targetSize">,
    Pick<DenoisingRangeOptions, "denoisingEnd">,
    NoiseStartOptions,
    Pix2PixOptions {
  /** Number of denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLInstructPix2PixArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionXLInstructPix2PixOptions,
];

/** A loaded StableDiffusionXLInstructPix2PixPipeline. */
export type StableDiffusionXLInstructPix2PixPipeline = Pipeline<
  XlPix2PixModels,
  StableDiffusionXLInstructPix2PixArguments,
  ImageOutput
>;

const { clipSkip: _, ...guidance } = xlGuidanceOptions;
const { imageEncoder: __, featureExtractor: ___, ...components } = stableDiffusionXL.components;

/** Image and instruction to images; `StableDiffusionXLInstructPix2PixPipeline` of diffusers. */
export const StableDiffusionXLInstructPix2PixPipeline: PipelineClass<
  XlPix2PixModels,
  StableDiffusionXLInstructPix2PixArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionXLInstructPix2PixPipeline",
  task: "image-to-image",
  family: pix2pixXL,
  start: fromNoise,
  components,
  settings: { force_zeros_for_empty_prompt: true, is_cosxl_edit: false },
  options: {
    ...runOptions,
    ...guidance,
    ...noiseStartOptions,
    ...pix2pixOptions,
    originalSize: xlSizeOptions.originalSize,
    cropsCoordsTopLeft: xlSizeOptions.cropsCoordsTopLeft,
    targetSize: xlSizeOptions.targetSize,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    denoisingEnd: denoisingRangeOptions.denoisingEnd,
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 100, guidanceScale: 5, imageGuidanceScale: 1.5 },
});
