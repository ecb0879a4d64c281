import {
  type CallOptions,
  type ImageCodec,
  type ImageInput,
  type Model,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import type { FeatureExtractor } from "@denoise/roles";
import {
  checkSize,
  drawnImages,
  encodeToLatents,
  type Family,
  type ImagesInput,
  imageStartOptions,
  initialLatents,
  type LatentComponents,
  latentDims,
  type LatentOptions,
  latentSpace,
  prepareImages,
  prepareMasks,
  repeatRows,
  shrinkMask,
  type Start,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { sdSize, type StableDiffusionComponents } from "./stable_diffusion.ts";
import { predictByUNet } from "./unet.ts";

/** What encodes example images. */
export interface ExampleEncoder extends Model {
  /** Images, float32 [N, 3, H, W], to a token each, and the token for none, float32 [1, 1, width]. */
  forward(
    pixelValues: Tensor,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly states: Tensor; readonly unconditional: Tensor }>;
}

/** What Paint by Example consists of. */
export interface PaintByExampleComponents
  extends Pick<StableDiffusionComponents, "vae" | "unet" | "scheduler" | "safetyChecker"> {
  /** PaintByExampleImageEncoder. */
  readonly imageEncoder: ExampleEncoder;
  /** What prepares images for it, and for the safety checker: CLIPImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
}

/** Options of a call that inpaints an image as an example shows. */
export interface PaintByExampleCallOptions extends RunOptions {
  /**
   * What is to be seen in the masked part, or one for each image; or a tensor as the image encoder takes it, float32
   * [N, 3, height, width], resized and normalized.
   */
  readonly exampleImage: ImagesInput;
  /**
   * The image to inpaint, or one for each example, with sides divisible by 8; or a tensor, float32 [N, 3, height, width] in
   * -1..1.
   */
  readonly image: ImagesInput;
  /** White where the image is inpainted, black where it stays; grey is cut at half. As large as the image. */
  readonly maskImage: ImagesInput;
  /** Images made of each example. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the example is followed. Defaults to 5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, C, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** The declarations of {@linkcode PaintByExampleCallOptions}. */
export const paintByExampleOptions: CallOptions<PaintByExampleCallOptions> = {
  ...runOptions,
  exampleImage: imageStartOptions.image,
  image: imageStartOptions.image,
  maskImage: imageStartOptions.image,
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
  latents: { type: "tensor" },
};

/**
 * Paint by Example: Stable Diffusion's UNet for inpainting, conditioned on one token of an example image. Yang et al.,
 * "Paint by Example: Exemplar-based Image Editing with Diffusion Models" (arXiv:2211.13227).
 */
export const paintByExample: Family<
  PaintByExampleComponents & LatentComponents,
  LatentOptions & PaintByExampleCallOptions,
  UNetControl
> = {
  name: "paint-by-example",
  size: sdSize,
  async encode({ components }, _prompt, options) {
    const { guidanceScale = 5, numImagesPerPrompt = 1, signal } = options;
    const { imageEncoder, featureExtractor, unet } = components;
    const guidance = guidanceScale > 1;
    const examples = options.exampleImage;
    const pixels = examples instanceof Tensor
      ? examples
      : await featureExtractor.preprocess([examples].flat() as ImageInput[]);
    const { states, unconditional } = await imageEncoder.forward(pixels, { signal });
    const rows = states.repeatInterleave(numImagesPerPrompt, 0); // [N, 1, width]
    const count = rows.dims[0]!;
    const encoderHiddenStates = guidance
      ? Tensor.cat([unconditional.repeat([count, 1, 1]), rows])
      : rows;
    const conditioning = { encoderHiddenStates, signal };
    return {
      count,
      facts: { guidanceScale },
      denoiser: () => predictByUNet(unet, conditioning, { guidance, guidanceScale }),
    };
  },
};

/** From noise, as large as the image, with the image beside it where the mask leaves it. */
export const fromNoiseAroundMask: Start<
  PaintByExampleComponents & LatentComponents,
  LatentOptions & PaintByExampleCallOptions
> = {
  from: "mask",
  check: checkChannels,
  async begin(run, options, { count, noise, ...facts }) {
    const { vae, scheduler } = run.components;
    const codec = await run.images();
    const given = await imagesOf(codec, options.image);
    const [height, width] = given.dims.slice(2) as [number, number];
    const size = { height, width };
    checkSize(height, width, Math.max(8, vaeScaleFactor(vae)));
    const plan = facts.plan(size);
    const latents = initialLatents(
      latentDims(vae, count, size),
      noise,
      scheduler,
      options.latents,
    );
    const images = drawnImages(given, count, options);
    const kept = await keptMasks(codec, options.maskImage, size);
    const left = images.mul(repeatRows(kept, images.dims[0]!, "masks"));
    const around = await encodeToLatents(vae, left, noise.generator, count);
    const mask = repeatRows(shrinkMask(kept, vaeScaleFactor(vae)), count, "masks");
    return {
      ...{ latents, size, plan, controls: [] },
      denoiserInput: (scaled) => Tensor.cat([scaled, around, mask], 1),
    };
  },
};

function checkChannels({ unet, vae }: PaintByExampleComponents & LatentComponents): void {
  const { channels } = latentSpace(vae);
  const [have, wanted] = [unet.config.in_channels, 2 * channels + 1];
  if (have === wanted) return;
  throw new RangeError(
    `Cannot paint by example with a UNet of ${have} input channels: it must have ${wanted}, for latents, those of the ` +
      "image and a mask",
  );
}

/** The images in their own size, float32 [N, 3, H, W] in -1..1; a tensor is taken as it is. */
async function imagesOf(codec: ImageCodec, image: ImagesInput): Promise<Tensor> {
  const items = [image].flat() as ImageInput[];
  if (!(items[0] instanceof Tensor)) return await prepareImages(codec, image, { multiple: 1 });
  const tensor = Tensor.cat(
    (items as Tensor[]).map((item) => item.dims.length === 3 ? item.unsqueeze(0) : item),
  );
  const [least, most] = [tensor.min().item(), tensor.max().item()];
  if (tensor.dims.length === 4 && tensor.dims[1] === 3 && least >= -1 && most <= 1) return tensor;
  throw new RangeError(
    `Cannot inpaint an image of shape [${
      tensor.dims.join(", ")
    }] with values of ${least} to ${most}: a tensor must have ` +
      "[N, 3, height, width] and values of -1 to 1",
  );
}

/** Masks, float32 [N, 1, H, W]: 1 where the image stays; what lies at the edge between both stays, too. */
async function keptMasks(
  codec: ImageCodec,
  masks: ImagesInput,
  size: { readonly height: number; readonly width: number },
): Promise<Tensor> {
  const items = [masks].flat() as ImageInput[];
  if (items[0] instanceof Tensor) {
    const turned = (items as Tensor[]).map((item) => item.mul(-1).add(1));
    return await prepareMasks(codec, turned, size);
  }
  return (await prepareMasks(codec, masks, size)).mul(-1).add(1);
}
