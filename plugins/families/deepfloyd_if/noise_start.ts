import type { CallOptions, ImageSize } from "@denoise/core";
import {
  checkSize,
  initialLatents,
  planRun,
  type SizeOptions,
  sizeOptions,
} from "@denoise/diffusion";
import { type IFComponents, ifSize } from "./components.ts";
import { type BeginIF, type IFCallOptions, ifCallOptions, type IFStart } from "./draw.ts";

/** Options of a call that makes images of a text. */
export interface IFTextToImageOptions extends IFCallOptions, SizeOptions {}

/** The declarations of {@linkcode IFTextToImageOptions}. */
export const ifTextToImageOptions: CallOptions<IFTextToImageOptions> = {
  ...ifCallOptions,
  ...sizeOptions,
};

/** From noise. */
export const ifFromNoise: BeginIF<IFComponents, IFTextToImageOptions> = (
  { components: { unet, scheduler } },
  options,
  { count, noise },
): IFStart => {
  checkFirstStage(unet);
  const { height, width } = pixelSize(unet, options);
  const plan = planRun(scheduler, options);
  scheduler.setBeginIndex(0);
  const dims = [count, unet.config.in_channels, height, width];
  return { pixels: initialLatents(dims, noise, scheduler), plan };
};

/**
 * The size of a call, or the one that the UNet was trained for.
 *
 * @throws {RangeError} for sides that the levels of the UNet cannot halve.
 */
export function pixelSize(unet: IFComponents["unet"], given: SizeOptions): ImageSize {
  const trained = ifSize(unet);
  const { height = trained.height, width = trained.width } = given;
  checkSize(height, width, 2 ** (unet.config.block_out_channels.length - 1));
  return { height, width };
}

/**
 * Refuses a UNet that is given a small image.
 *
 * @throws {RangeError} for such a UNet.
 */
export function checkFirstStage({ config }: IFComponents["unet"]): void {
  if (config.class_embed_type === null) return;
  throw new RangeError(
    "Cannot make images with this UNet: it is given a small image and its noise level; use a pipeline that makes " +
      "images larger, such as IFSuperResolutionPipeline",
  );
}
