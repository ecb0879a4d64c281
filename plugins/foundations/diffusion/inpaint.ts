import {
  type CallOptions,
  DenoiseError,
  type Image,
  type ImageBox,
  type ImageCodec,
  type ImageEditor,
  type ImageInput,
  type ImageOutput,
  type ImageSize,
  type RunOptions,
  Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { type DenoiserConfig, type LatentComponents, latentSpace } from "./latents.ts";
import type { ControlImages, ImagesInput } from "./image_input.ts";

/** What an inpainting call is given beside its prompt. */
export interface InpaintInput {
  /** The image to inpaint, or one for each image to make. */
  readonly image: ImagesInput;
  /** White where the image is inpainted, black where the image stays; grey is cut at half. */
  readonly maskImage: ImagesInput;
  /**
   * Inpaints only the part around the mask, with that many pixels left around it, as large as the
   * whole; then puts it back into the image. For one image and mask that are no tensors.
   */
  readonly paddingMaskCrop?: number | undefined;
  /** Latents of the image without what the mask covers, float32 [N, C, h, w]. */
  readonly maskedImageLatents?: Tensor | undefined;
}

/** The declarations of {@linkcode InpaintInput}. */
export const inpaintInput: CallOptions<InpaintInput> = {
  image: { type: "image", list: "allowed", required: true },
  maskImage: { type: "image", list: "allowed", required: true },
  paddingMaskCrop: { type: "integer", minimum: 0 },
  maskedImageLatents: { type: "tensor" },
};

/** The size in which a part of an image is inpainted. */
export interface CropSize extends ImageSize {
  /** The shape that the part has, where sides are cut after it is settled, as diffusers does. Defaults to the size's. */
  readonly shape?: ImageSize | undefined;
}

/** The part of an image that is inpainted, and how it comes back into the whole. */
export interface InpaintCrop {
  /** The image, or the part around the mask in the size that is inpainted. */
  readonly image: ImagesInput;
  /** The mask of it. */
  readonly maskImage: ImagesInput;
  /** Puts what was inpainted back into the whole image. */
  restore(output: ImageOutput): ImageOutput;
}

/**
 * Whether a denoiser is given mask and masked image beside the latents.
 *
 * @param inChannels What its input has for each latent, channels of the latents or packed ones of a token
 * divided by the latents in it.
 * @param kind What messages call it, such as `"UNet"`.
 * @throws {RangeError} for one that is not for inpainting.
 */
export function takesMask(inChannels: number, latentChannels: number, kind: string): boolean {
  if (inChannels === latentChannels) return false;
  if (inChannels === 2 * latentChannels + 1) return true;
  throw new RangeError(
    `Cannot inpaint with a ${kind} of ${inChannels} input channels: it must have ` +
      `${latentChannels}, or ${2 * latentChannels + 1} with mask and masked image`,
  );
}

/**
 * Whether the UNet takes mask and masked image beside the latents.
 *
 * @throws {RangeError} for a UNet that is not for inpainting.
 */
export function seesMask({ unet, vae }: {
  readonly unet: Denoiser<Pick<DenoiserConfig, "in_channels">>;
  readonly vae: LatentComponents["vae"];
}): boolean {
  return takesMask(unet.config.in_channels, latentSpace(vae).channels, "UNet");
}

/**
 * Image and mask of a call, cut to the part around the mask if `paddingMaskCrop` asks for it.
 *
 * @throws {TypeError} when that is asked for with tensors, several images or another output.
 */
export async function cropToMask(
  codec: ImageCodec,
  input: InpaintInput,
  { width, height, shape = { width, height } }: CropSize,
  outputType: RunOptions["outputType"],
): Promise<InpaintCrop> {
  const { image, maskImage, paddingMaskCrop: pad } = input;
  if (pad === undefined) return { image, maskImage, restore: (output) => output };
  const editor = editorOf(codec);
  if (outputType !== undefined && outputType !== "image") {
    throw new TypeError(
      `Cannot crop around the mask for outputType "${outputType}": paddingMaskCrop gives images`,
    );
  }
  const whole = await editor.open(oneImage(image, "image"), "RGB");
  const mask = await editor.open(oneImage(maskImage, "maskImage"));
  const box = editor.cropRegion(mask, shape.width, shape.height, pad);
  const part = (image: Image, region: ImageBox) =>
    editor.resize(editor.crop(image, region), width, height, { fit: "fill" });
  return {
    image: part(whole, box),
    maskImage: part(mask, box),
    restore: (output) => ({
      ...output,
      images: output.images.map((inpainted) => editor.overlay(mask, whole, inpainted, box)),
    }),
  };
}

function editorOf({ editor }: ImageCodec): ImageEditor {
  if (editor !== undefined) return editor;
  throw new DenoiseError(
    "missing_component",
    "Cannot crop around the mask: this image codec has no editor; use @denoise/image, or leave " +
      "paddingMaskCrop out",
  );
}

function oneImage(input: ImagesInput, name: string): Exclude<ImageInput, Tensor> {
  const found = Array.isArray(input) ? `a list of ${input.length}` : "a tensor";
  if (!Array.isArray(input) && !(input instanceof Tensor)) {
    return input as Exclude<ImageInput, Tensor>;
  }
  throw new TypeError(
    `Cannot crop around the mask: with paddingMaskCrop ${name} must be one image, not ${found}`,
  );
}

/** The control images, cut to the part around the mask as image and mask are. */
export async function cropControlImages(
  codec: ImageCodec,
  controlImage: ControlImages,
  { maskImage, paddingMaskCrop }: Pick<InpaintInput, "maskImage" | "paddingMaskCrop">,
  size: CropSize,
): Promise<ControlImages> {
  const cut = async (image: ImagesInput) =>
    (await cropToMask(codec, { image, maskImage, paddingMaskCrop }, size, "image")).image;
  return Array.isArray(controlImage)
    ? await Promise.all((controlImage as ImagesInput[]).map(cut))
    : await cut(controlImage as ImagesInput);
}
