import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  checkPrompts,
  type Family,
  type ImagesInput,
  imageStartOptions,
  type LatentComponents,
  type LatentOptions,
  latentSpace,
  prepareImages,
  repeatRows,
  rescaleGuidance,
  sizeInPixels,
  type SizeOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { encodeText } from "./encode_text.ts";
import { conditionOnImages, type ImagePromptOptions } from "./image_prompt.ts";
import { sd, type SdModels } from "./sd.ts";
import { xlSize } from "./sdxl.ts";
import type { GuidanceOptions } from "./text_conditioning.ts";
import type { ConditionedUNet, UNetConditioning } from "./unet.ts";
import type { StableDiffusionXLComponents } from "./xl_components.ts";
import type { XlGuidanceOptions } from "./xl_conditioning.ts";
import { checkXlPrompts, encodeXlPrompts, type XlText } from "./xl_prompt.ts";
import { checkTimeIds, textTimeIds, timeIdRows, type XlSizeOptions } from "./xl_time_ids.ts";

/** Options of a call that edits an image as a text tells it to. */
export interface Pix2PixOptions {
  /** The image to edit, or one for each image to make; or latents that are not scaled. */
  readonly image: ImagesInput;
  /** How closely the result follows the image, 1 or more; below 1 there is no guidance at all. */
  readonly imageGuidanceScale?: number | undefined;
}

/** The declarations of {@linkcode Pix2PixOptions}. */
export const pix2pixOptions: CallOptions<Pix2PixOptions> = {
  image: imageStartOptions.image,
  imageGuidanceScale: { type: "number" },
};

/** How a prediction is guided by a text and by an image. */
export interface ImageGuidance {
  /** Whether it is guided at all. */
  readonly guidance: boolean;
  /** How closely the text is followed. */
  readonly guidanceScale: number;
  /** How closely the image is followed. */
  readonly imageGuidanceScale: number;
  /** How much contrast is given back, 0..1. Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/**
 * Guidance by a text and an image: ε = ε_∅ + s_T · (ε_text − ε_image) + s_I · (ε_image − ε_∅), equation
 * 3 of Brooks et al. (arXiv:2211.09800).
 *
 * @param prediction Output of the model for `[text and image, image, neither]`, float32 [3N, C, H, W].
 * @returns float32 [N, C, H, W].
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { guideByImage } from "@denoise/stable-diffusion";
 * import { assertEquals } from "@std/assert";
 *
 * const prediction = Tensor.from([3, 2, 1], [3, 1, 1, 1]);
 * const scales = { guidance: true, guidanceScale: 10, imageGuidanceScale: 2 };
 * assertEquals(guideByImage(prediction, scales).item(), 1 + 10 * (3 - 2) + 2 * (2 - 1));
 * ```
 */
export function guideByImage(
  prediction: Tensor,
  { guidanceScale, imageGuidanceScale, guidanceRescale = 0 }: ImageGuidance,
): Tensor {
  const [text, image, neither] = prediction.chunk(3) as [Tensor, Tensor, Tensor];
  const guided = neither.add(text.sub(image).mul(guidanceScale))
    .add(image.sub(neither).mul(imageGuidanceScale));
  return guidanceRescale > 0 ? rescaleGuidance(guided, text, guidanceRescale) : guided;
}

/**
 * InstructPix2Pix: Stable Diffusion whose UNet sees the image beside the latents. Brooks, Holynski and
 * Efros, "InstructPix2Pix: Learning to Follow Image Editing Instructions" (arXiv:2211.09800).
 */
export const pix2pix: Family<
  SdModels & { readonly unet: ConditionedUNet },
  LatentOptions & Pix2PixOptions & GuidanceOptions & ImagePromptOptions,
  UNetControl
> = {
  name: "stable-diffusion-pix2pix",
  size: sd.size,
  async encode(run, prompt, options) {
    checkPrompts(prompt, options);
    const { unet, tokenizer, textEncoder } = run.components;
    const scales = scalesOf(options);
    const encoder = { tokenizer, textEncoder, warn: run.warn };
    const texts = await encodeText(encoder, prompt, scales.guidance, options);
    const count = texts.promptEmbeds.dims[0]!;
    const { image, size } = await imageRows(run, options, {}, { count, ...scales });
    const { guidance } = scales;
    const followed = await conditionOnImages(run.components, options, { count, guidance });
    const conditioning = {
      encoderHiddenStates: threefold(texts.promptEmbeds, texts.negativePromptEmbeds),
      imageMasks: followed.imageMasks,
      imageEmbeds: followed.imageEmbeds?.map((embeds) => followedThreefold(embeds, guidance)),
      imageStates: followed.imageStates?.map((states) =>
        states && followedThreefold(states, guidance)
      ),
      signal: options.signal,
    };
    return {
      count,
      facts: { ...scalesToTell(scales), promptSyntax: options.promptSyntax },
      size,
      denoiser: () => ({ input, timestep }) =>
        predict(unet, conditioning, scales, image, input, timestep),
    };
  },
};

/** The components that InstructPix2Pix of Stable Diffusion XL reads. */
export type XlPix2PixModels = Omit<
  StableDiffusionXLComponents,
  "imageEncoder" | "featureExtractor"
>;

/** The same with Stable Diffusion XL; the image is brought to the size that is made. */
export const pix2pixXL: Family<
  XlPix2PixModels,
  LatentOptions & Pix2PixOptions & XlGuidanceOptions & XlSizeOptions,
  UNetControl
> = {
  name: "stable-diffusion-xl-pix2pix",
  size: xlSize,
  async encode(run, prompt, options) {
    checkPrompts(prompt, options);
    checkXlPrompts(options);
    const { components, settings, warn } = run;
    const { unet } = components;
    const scales = { ...scalesOf(options), guidanceRescale: options.guidanceRescale };
    const [negative, positive] = await encodeXlPrompts(components, prompt, options, {
      guidance: scales.guidance,
      zeros: settings.force_zeros_for_empty_prompt === true,
      warn,
    });
    const count = positive.embeds.dims[0]!;
    const wanted = xlSize(components, options);
    const rows = await imageRows(run, options, wanted, { count, ...scales });
    const image = settings.is_cosxl_edit === true
      ? rows.image.mul(components.vae.config.scaling_factor)
      : rows.image;
    const { height, width } = rows.size;
    const ids = textTimeIds(options, [height, width]);
    checkTimeIds(components, ids, positive.pooled);
    const part = (name: keyof XlText) => threefold(positive[name], negative?.[name]);
    const encoderHiddenStates = part("embeds");
    const conditioning = {
      encoderHiddenStates,
      textEmbeds: part("pooled"),
      timeIds: timeIdRows(ids.positive, encoderHiddenStates.dims[0]!),
      signal: options.signal,
    };
    return {
      count,
      facts: { ...scalesToTell(scales), promptSyntax: options.promptSyntax },
      size: rows.size,
      denoiser: () => ({ input, timestep }) =>
        predict(unet, conditioning, scales, image, input, timestep),
    };
  },
};

function scalesOf(
  { guidanceScale = 1, imageGuidanceScale = 1.5 }: GuidanceOptions & Pix2PixOptions,
) {
  const guidance = guidanceScale > 1 && imageGuidanceScale >= 1;
  return { guidance, guidanceScale, imageGuidanceScale };
}

function scalesToTell({ guidance: _, ...scales }: ImageGuidance) {
  return scales;
}

/** What is seen in images, for text and image, image alone, and neither. */
function followedThreefold(rows: Tensor, guidance: boolean): Tensor {
  const [nothing, seen = nothing] = rows.chunk(guidance ? 2 : 1) as [Tensor, Tensor?];
  return threefold(seen, guidance ? nothing : undefined);
}

/** What stands for text and image, image alone, and neither; the first alone without guidance. */
function threefold(positive: Tensor, negative: Tensor | undefined): Tensor {
  return negative === undefined ? positive : Tensor.cat([positive, negative, negative]);
}

/** The images' likeliest latents, not scaled, for each call of the UNet: float32 [N or 3N, C, h, w]. */
async function imageRows(
  run: PipelineRun<LatentComponents & { readonly unet: ConditionedUNet }>,
  { image }: Pix2PixOptions,
  { height, width }: SizeOptions,
  { count, guidance }: { readonly count: number; readonly guidance: boolean },
) {
  const { vae, unet } = run.components;
  const { channels: latentChannels } = latentSpace(vae);
  const multiple = vaeScaleFactor(vae);
  const fit = { height, width, multiple, latentChannels };
  const images = await prepareImages(await run.images(), image, fit);
  const latents = images.dims[1] === latentChannels
    ? images
    : (await vae.encode(images)).latentDist.mode();
  checkChannels(unet.config.in_channels, latentChannels + latents.dims[1]!);
  const rows = repeatRows(latents, count, "images");
  return {
    image: guidance ? Tensor.cat([rows, rows, Tensor.zeros(rows.dims)]) : rows,
    size: sizeInPixels(latents, vae),
  };
}

async function predict(
  unet: ConditionedUNet<object>,
  conditioning: UNetConditioning,
  guidance: ImageGuidance,
  image: Tensor,
  scaled: Tensor,
  timestep: number,
): Promise<Tensor> {
  const input = guidance.guidance ? Tensor.cat([scaled, scaled, scaled]) : scaled;
  const { sample } = await unet.forward(Tensor.cat([input, image], 1), timestep, conditioning);
  return guidance.guidance ? guideByImage(sample, guidance) : sample;
}

function checkChannels(have: number, wanted: number): void {
  if (have === wanted) return;
  throw new RangeError(
    `Cannot edit an image with a UNet of ${have} input channels: it must have ${wanted}, for ` +
      `latents and the latents of the image`,
  );
}
