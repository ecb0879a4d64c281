import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  randnTensor,
  type Tensor,
} from "@denoise/core";
import {
  checkSize,
  type ImagesInput,
  imageStartOptions,
  initialLatents,
  inpaintInput,
  mixerBy,
  planRun,
  repeatForPrompts,
  type SizeOptions,
  sizeOptions,
} from "@denoise/diffusion";
import { type IFComponents, ifSize } from "./components.ts";
import {
  type BeginIF,
  type IFCallFacts,
  type IFCallOptions,
  ifCallOptions,
  type IFStart,
} from "./draw.ts";
import { masksOf, pixelsOf } from "./pixels.ts";

/** Options of a call that makes images of a text. */
export interface IFTextToImageOptions extends IFCallOptions, SizeOptions {}

/** The declarations of {@linkcode IFTextToImageOptions}. */
export const ifTextToImageOptions: CallOptions<IFTextToImageOptions> = {
  ...ifCallOptions,
  ...sizeOptions,
};

/** How much of an image is changed. */
export interface IFStrengthOption {
  /** Denoising strength: 0 changes nothing, 1 leaves nothing of the image. */
  readonly strength?: number | undefined;
}

/** What a mask lets change. */
export interface IFMaskOption {
  /** White where the image is inpainted, black where it stays, one for all or for each prompt; grey is cut at half. */
  readonly maskImage: ImagesInput;
}

/** Options of a call that changes an image. */
export interface IFImageToImageOptions extends IFCallOptions, IFStrengthOption {
  /**
   * The image to change, or one for each prompt. In its own shape it is brought to the trained size; a tensor, in
   * -1..1, is taken as it is.
   */
  readonly image: ImagesInput;
}

/** The declarations of {@linkcode IFImageToImageOptions}. */
export const ifImageToImageOptions: CallOptions<IFImageToImageOptions> = {
  ...ifCallOptions,
  ...imageStartOptions,
};

/** Options of a call that inpaints. */
export interface IFMaskedImageOptions extends IFImageToImageOptions, IFMaskOption {}

/** The declarations of {@linkcode IFMaskedImageOptions}. */
export const ifMaskedImageOptions: CallOptions<IFMaskedImageOptions> = {
  ...ifImageToImageOptions,
  maskImage: inpaintInput.maskImage,
};

/** What a start of pixels is given. */
export interface PixelsFacts extends IFCallFacts {
  /** Of the pixels. */
  readonly channels: number;
}

/** Makes the first pixels, of so many channels. */
export type BeginPixels<O> = (
  run: PipelineRun<IFComponents>,
  options: O,
  facts: PixelsFacts,
) => IFStart | Promise<IFStart>;

/** From noise. */
export function pixelsOfNoise(
  { components: { unet, scheduler } }: PipelineRun<IFComponents>,
  options: IFTextToImageOptions,
  { count, noise, channels }: PixelsFacts,
): IFStart {
  const trained = ifSize(unet);
  const { height = trained.height, width = trained.width } = options;
  checkSides(unet, { height, width });
  const plan = planRun(scheduler, options);
  scheduler.setBeginIndex(0);
  return { pixels: initialLatents([count, channels, height, width], noise, scheduler), plan };
}

/** From images, noised as far as the first timestep says. */
export function pixelsOfImage<O extends IFCallOptions & IFStrengthOption>(
  imageOf: (options: O) => ImagesInput,
): BeginPixels<O> {
  return (run, options, facts) => noisedImage(run, options, imageOf(options), facts);
}

/** From images, noised where a mask lets them change; the rest goes on as it was before a step. */
export function pixelsOfMask<O extends IFCallOptions & IFStrengthOption & IFMaskOption>(
  imageOf: (options: O) => ImagesInput,
): BeginPixels<O> {
  return async (run, options, facts) => {
    const { clean, pixels, ...begun } = await noisedImage(run, options, imageOf(options), facts);
    const [height = 0, width = 0] = clean.dims.slice(2);
    const masks = await masksOf(await run.images(), options.maskImage, { height, width });
    const keep = mixerBy(repeatForPrompts(masks, facts.prompts, facts.count));
    return { ...begun, pixels: keep(pixels, clean), keep };
  };
}

/** Images as they are and noised, one for each that is made. */
async function noisedImage(
  run: PipelineRun<IFComponents>,
  options: IFCallOptions & IFStrengthOption,
  images: ImagesInput,
  { count, prompts, noise, channels }: PixelsFacts,
): Promise<IFStart & { readonly clean: Tensor }> {
  const { unet, scheduler } = run.components;
  const rows = await pixelsOf(await run.images(), images, { channels, side: ifSize(unet).height });
  const [height = 0, width = 0] = rows.dims.slice(2);
  checkSides(unet, { height, width });
  const clean = repeatForPrompts(rows, prompts, count);
  const plan = planRun(scheduler, options);
  const added = randnTensor(clean.dims, noise.generator);
  const pixels = scheduler.addNoise(clean, added, [plan.timesteps[0]!]);
  return { clean, pixels, plan, facts: { strength: options.strength } };
}

/**
 * A start of the first stage, whose UNet sees pixels alone.
 *
 * @throws {RangeError} for a UNet that is given a small image, too.
 */
export function firstStage<O extends IFCallOptions>(
  begin: BeginPixels<O>,
): BeginIF<IFComponents, O> {
  return (run, options, facts) => {
    const { class_embed_type, in_channels: channels } = run.components.unet.config;
    if (class_embed_type === null) return begin(run, options, { ...facts, channels });
    throw new RangeError(
      "Cannot make images with this UNet: it is given a small image and its noise level; use a pipeline that makes " +
        "images larger, such as IFSuperResolutionPipeline",
    );
  };
}

/** Refuses sides that the levels of the UNet cannot halve. */
function checkSides({ config }: IFComponents["unet"], { height, width }: ImageSize): void {
  checkSize(height, width, 2 ** (config.block_out_channels.length - 1));
}
