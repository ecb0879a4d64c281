import type { CallOptions, ImageSize, Tensor } from "@denoise/core";
import { initialLatents } from "./noise.ts";
import type { Begun, LatentOptions, Start } from "./latent_pipeline.ts";
import { type LatentComponents, latentSpace } from "./latents.ts";
import { resizeSpatial } from "./resize.ts";
import { checkSize } from "./size.ts";
import { type NoiseStartOptions, noiseStartOptions } from "./starts.ts";

/** Sizes that a model was trained with, by their ratio height / width. */
export type ResolutionBins = readonly (ImageSize & { readonly ratio: number })[];

function binsOf(table: string, factor = 1): ResolutionBins {
  return table.trim().split(/\s+/).map((entry) => {
    const [ratio, height, width] = entry.split(/[:x]/).map(Number) as [number, number, number];
    return { ratio, height: height * factor, width: width * factor };
  });
}

const SIZES_1024 = `
  0.25:512x2048 0.28:512x1856 0.32:576x1792 0.33:576x1728 0.35:576x1664 0.4:640x1600 0.42:640x1536
  0.48:704x1472 0.5:704x1408 0.52:704x1344 0.57:768x1344 0.6:768x1280 0.68:832x1216 0.72:832x1152
  0.78:896x1152 0.82:896x1088 0.88:960x1088 0.94:960x1024 1.0:1024x1024 1.07:1024x960 1.13:1088x960
  1.21:1088x896 1.29:1152x896 1.38:1152x832 1.46:1216x832 1.67:1280x768 1.75:1344x768 2.0:1408x704
  2.09:1472x704 2.4:1536x640 2.5:1600x640 3.0:1728x576 4.0:2048x512`;
const SIZES_2048 = `
  0.25:1024x4096 0.26:1024x3968 0.27:1024x3840 0.28:1024x3712 0.32:1152x3584 0.33:1152x3456
  0.35:1152x3328 0.4:1280x3200 0.42:1280x3072 0.48:1408x2944 0.5:1408x2816 0.52:1408x2688
  0.57:1536x2688 0.6:1536x2560 0.68:1664x2432 0.72:1664x2304 0.78:1792x2304 0.82:1792x2176
  0.88:1920x2176 0.94:1920x2048 1.0:2048x2048 1.07:2048x1920 1.13:2176x1920 1.21:2176x1792
  1.29:2304x1792 1.38:2304x1664 1.46:2432x1664 1.67:2560x1536 1.75:2688x1536 2.0:2816x1408
  2.09:2944x1408 2.4:3072x1280 2.5:3200x1280 2.89:3328x1152 3.0:3456x1152 3.11:3584x1152
  3.62:3712x1024 3.75:3840x1024 3.88:3968x1024 4.0:4096x1024`;

/**
 * The sizes of models for about 256, 512, 1024, 2048 and 4096 pixels a side (`ASPECT_RATIO_1024_BIN` and the
 * like of diffusers).
 */
export const RESOLUTION_BINS: { readonly [pixels: number]: ResolutionBins } = {
  256: binsOf(SIZES_1024, 1 / 4),
  512: binsOf(SIZES_1024, 1 / 2),
  1024: binsOf(SIZES_1024),
  2048: binsOf(SIZES_2048),
  4096: binsOf(SIZES_2048, 2),
};

/** The size with the nearest ratio of height and width (`classify_height_width_bin`). */
function nearestBin({ height, width }: ImageSize, bins: ResolutionBins): ImageSize {
  const far = (bin: { readonly ratio: number }) => Math.abs(bin.ratio - height / width);
  const nearest = bins.reduce((best, bin) => far(bin) < far(best) ? bin : best);
  return { height: nearest.height, width: nearest.width };
}

/**
 * Images scaled to cover a size, and their middle (`resize_and_crop_tensor`).
 *
 * @param images float32 [N, C, H, W].
 */
function coverAndCrop(images: Tensor, { height, width }: ImageSize): Tensor {
  const [rows, columns] = images.dims.slice(2) as [number, number];
  if (rows === height && columns === width) return images;
  const ratio = Math.max(height / rows, width / columns);
  const [tall, wide] = [Math.trunc(rows * ratio), Math.trunc(columns * ratio)];
  const [top, left] = [Math.floor((tall - height) / 2), Math.floor((wide - width) / 2)];
  return resizeSpatial(images, tall, wide, "bilinear")
    .slice(2, top, top + height)
    .slice(3, left, left + width);
}

/** Options of a call that begins with noise of a size that the model was trained with. */
export interface BinnedStartOptions extends NoiseStartOptions {
  /**
   * Whether the model makes the nearest size that it was trained with, which is then brought to the size
   * of the call. Defaults to true.
   */
  readonly useResolutionBinning?: boolean | undefined;
}

/** The declarations of {@linkcode BinnedStartOptions}. */
export const binnedStartOptions: CallOptions<BinnedStartOptions> = {
  ...noiseStartOptions,
  useResolutionBinning: { type: "boolean" },
};

/** The sizes of a model. */
export interface BinnedModels<C> {
  /** Those that it was trained with; undefined where they are not known. */
  readonly bins: (components: C) => ResolutionBins | undefined;
  /** What sides are multiples of. */
  readonly multiple: (components: C) => number;
  /** The size of the images where the call does not say it. */
  readonly trained: (components: C) => ImageSize;
}

/** What brings images that were made in another size to that of the call. */
export function fittedTo(size: ImageSize, made: ImageSize): Begun["fitted"] {
  if (size.height === made.height && size.width === made.width) return undefined;
  return { size, fit: (images) => coverAndCrop(images, size) };
}

/**
 * The size in which a call is made: that of the call, or the nearest one that the model was trained with.
 *
 * @throws {RangeError} for a size that cannot be.
 */
export function binnedSize<C>(
  { bins, multiple, trained }: BinnedModels<C>,
  components: C,
  { useResolutionBinning = true, ...given }: BinnedStartOptions,
): { readonly size: ImageSize; readonly made: ImageSize } {
  const own = trained(components);
  const size = { height: given.height ?? own.height, width: given.width ?? own.width };
  if (!useResolutionBinning) {
    checkSize(size.height, size.width, multiple(components));
    return { size, made: size };
  }
  checkSize(size.height, size.width, 1);
  const known = bins(components);
  if (known === undefined) {
    throw new RangeError(
      `Cannot choose a size that the model was trained with: none are known for one of ` +
        `${own.width}x${own.height} pixels; give useResolutionBinning: false`,
    );
  }
  return { size, made: nearestBin(size, known) };
}

/** From noise of a size that the model was trained with. */
export function fromBinnedNoise<C extends LatentComponents>(
  models: BinnedModels<C>,
): Start<C, LatentOptions & BinnedStartOptions> {
  return {
    from: "noise",
    check: (components, options) => binnedSize(models, components, options),
    // deno-lint-ignore require-await
    async begin(run, options, { count, noise, plan }) {
      const { vae, scheduler } = run.components;
      const { channels, factor } = latentSpace(vae);
      const { size, made } = binnedSize(models, run.components, options);
      const planned = plan(made);
      const dims = [count, channels, made.height / factor, made.width / factor];
      const latents = initialLatents(dims, noise, scheduler, options.latents);
      return { latents, size: made, plan: planned, controls: [], fitted: fittedTo(size, made) };
    },
  };
}
