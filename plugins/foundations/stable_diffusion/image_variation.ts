import {
  type CallOptions,
  type ImageInput,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  type Family,
  type ImageEncoder,
  type ImagesInput,
  imageStartOptions,
  type LatentComponents,
  type LatentOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { FeatureExtractor } from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import { sdSize, type StableDiffusionComponents } from "./stable_diffusion.ts";
import { predictByUNet } from "./unet.ts";

/** What image variations are made with. */
export interface ImageVariationComponents
  extends Pick<StableDiffusionComponents, "vae" | "unet" | "scheduler" | "safetyChecker"> {
  /** CLIPVisionModelWithProjection. */
  readonly imageEncoder: ImageEncoder;
  /** What prepares images for it, and for the safety checker: CLIPImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
}

/** Options of a call that makes variations of an image. */
export interface ImageVariationOptions extends RunOptions {
  /**
   * The image to vary, or several; or a tensor as the image encoder takes it, float32 [N, 3, height,
   * width], resized and normalized.
   */
  readonly image: ImagesInput;
  /** Images made of each. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the image is followed. Defaults to 7.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode ImageVariationOptions}. */
export const imageVariationOptions: CallOptions<ImageVariationOptions> = {
  ...runOptions,
  image: imageStartOptions.image,
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/**
 * Image variations: Stable Diffusion whose UNet is conditioned on the vector of an image in the place of the
 * states of a text, and on zeros for guidance.
 */
export const imageVariation: Family<
  ImageVariationComponents & LatentComponents,
  LatentOptions & ImageVariationOptions,
  UNetControl
> = {
  name: "stable-diffusion-image-variation",
  size: sdSize,
  async encode({ components }, _prompt, options) {
    const { guidanceScale = 7.5, numImagesPerPrompt = 1, signal } = options;
    const guidance = guidanceScale > 1;
    const embeds = (await encodeImages(components, options.image))
      .unsqueeze(1).repeatInterleave(numImagesPerPrompt, 0); // [N, 1, width]
    const encoderHiddenStates = guidance ? Tensor.cat([Tensor.zeros(embeds.dims), embeds]) : embeds;
    return {
      count: embeds.dims[0]!,
      facts: { guidanceScale },
      denoiser: () =>
        predictByUNet(components.unet, { encoderHiddenStates, signal }, {
          guidance,
          guidanceScale,
        }),
    };
  },
};

async function encodeImages(
  { imageEncoder, featureExtractor }: ImageVariationComponents,
  image: ImagesInput,
): Promise<Tensor> {
  const pixels = image instanceof Tensor
    ? image
    : await featureExtractor.preprocess([image].flat() as ImageInput[]);
  const { imageEmbeds } = await imageEncoder.forward(pixels);
  if (imageEmbeds !== undefined) return imageEmbeds;
  throw new TypeError(
    `Cannot vary an image by a ${imageEncoder.className}: it gives no imageEmbeds; use a ` +
      "CLIPVisionModelWithProjection",
  );
}
