import { type CallOptions, type PipelineRun, randnTensor } from "@denoise/core";
import {
  checkNoiseLevel,
  type ImagesInput,
  imageStartOptions,
  inpaintInput,
  repeatForPrompts,
  resizeSpatial,
} from "@denoise/diffusion";
import type { IFSuperResolutionComponents } from "./components.ts";
import {
  type BeginIF,
  type IFCallFacts,
  type IFCallOptions,
  ifCallOptions,
  type NoisedImages,
} from "./draw.ts";
import { pixelsOf } from "./pixels.ts";
import {
  type BeginPixels,
  type IFMaskOption,
  type IFStrengthOption,
  type IFTextToImageOptions,
  ifTextToImageOptions,
} from "./starts.ts";

/** What is made larger. */
export interface IFSmallImageOptions {
  /**
   * The small image, or one for each prompt: an image, or what `outputType: "latent"` of the stage before gives,
   * float32 [N, 3, H, W] in -1..1.
   */
  readonly image: ImagesInput;
  /** Noise on the small image, a timestep of `imageNoisingScheduler`, from 0 on. */
  readonly noiseLevel?: number | undefined;
}

const smallImageOptions: CallOptions<IFSmallImageOptions> = {
  image: imageStartOptions.image,
  noiseLevel: { type: "integer", minimum: 0, cost: "none" },
};

/** Options of a call that makes an image larger. */
export interface IFUpscalingOptions extends IFTextToImageOptions, IFSmallImageOptions {}

/** The declarations of {@linkcode IFUpscalingOptions}. */
export const ifUpscalingOptions: CallOptions<IFUpscalingOptions> = {
  ...ifTextToImageOptions,
  ...smallImageOptions,
};

/** Options of a call that makes a changed image larger. */
export interface IFImageUpscalingOptions
  extends IFCallOptions, IFStrengthOption, IFSmallImageOptions {
  /**
   * The image that was changed, or one for each prompt. In its own shape it is brought to the trained size; a
   * tensor, in -1..1, is taken as it is.
   */
  readonly originalImage: ImagesInput;
}

/** The declarations of {@linkcode IFImageUpscalingOptions}. */
export const ifImageUpscalingOptions: CallOptions<IFImageUpscalingOptions> = {
  ...ifCallOptions,
  ...smallImageOptions,
  strength: imageStartOptions.strength,
  originalImage: imageStartOptions.image,
};

/** Options of a call that makes an inpainted image larger. */
export interface IFMaskUpscalingOptions extends IFImageUpscalingOptions, IFMaskOption {}

/** The declarations of {@linkcode IFMaskUpscalingOptions}. */
export const ifMaskUpscalingOptions: CallOptions<IFMaskUpscalingOptions> = {
  ...ifImageUpscalingOptions,
  maskImage: inpaintInput.maskImage,
};

/**
 * A start of a later stage, whose UNet sees a small image beside the pixels, brought to their size and noised.
 *
 * @throws {RangeError} for a UNet without room for it, and for a noise level beyond the trained ones.
 */
export function laterStage<O extends IFCallOptions & IFSmallImageOptions>(
  begin: BeginPixels<O>,
): BeginIF<IFSuperResolutionComponents, O> {
  return async (run, options, facts) => {
    const { unet, imageNoisingScheduler } = run.components;
    const { in_channels: seen, class_embed_type } = unet.config;
    if (class_embed_type === null || seen % 2 !== 0) {
      throw new RangeError(
        `Cannot make images larger with this UNet: of its ${seen} channels half must be those of a small image, ` +
          "whose noise level it is given; use a pipeline of the first stage, such as IFPipeline",
      );
    }
    const { noiseLevel = 0 } = options;
    checkNoiseLevel(imageNoisingScheduler, noiseLevel);
    const channels = seen / 2;
    const begun = await begin(run, options, { ...facts, channels });
    const beside = await besidePixels(run, options, begun.pixels.dims, facts);
    return { ...begun, beside };
  };
}

/** The small image in the size of the pixels, with noise. */
async function besidePixels(
  run: PipelineRun<IFSuperResolutionComponents>,
  { image, noiseLevel = 0 }: IFSmallImageOptions,
  [, channels = 0, height = 0, width = 0]: readonly number[],
  { count, prompts, noise }: IFCallFacts,
): Promise<NoisedImages> {
  const small = await pixelsOf(await run.images(), image, { channels });
  const rows = repeatForPrompts(small, prompts, count);
  const large = resizeSpatial(rows, height, width, "bilinear-corners");
  const added = randnTensor(large.dims, noise.generator);
  const { imageNoisingScheduler: scheduler } = run.components;
  return { images: scheduler.addNoise(large, added, [noiseLevel]), noiseLevel };
}
