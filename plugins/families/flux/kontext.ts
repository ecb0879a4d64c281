import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import {
  type Family,
  gridIds,
  imageLatentMeans,
  type ImagesInput,
  type LatentOptions,
  packLatents,
  prepareImages,
  type SizeOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";
import type { FluxControl } from "./control_nets.ts";
import { type FluxOptions, fluxWith, type ReferenceTokens } from "./family.ts";

/** Options of a call of FLUX.1 Kontext. */
export interface FluxKontextOptions {
  /**
   * The image that the prompt speaks of, or one for each image to make; latents
   * [N, C, h, w] are taken as they are. null makes an image from the prompt alone.
   */
  readonly image: ImagesInput | null;
  /**
   * Pixels that the image to make has about: `width` and `height` say its shape. Defaults to 1024².
   */
  readonly maxArea?: number | undefined;
  /**
   * Whether the image is brought to the one of 17 sizes that is nearest to its shape, as the model was
   * trained with. Defaults to true.
   */
  readonly autoResize?: boolean | undefined;
}

/** Options that the family of FLUX.1 Kontext reads. */
export type KontextCall = LatentOptions & FluxOptions & FluxKontextOptions;

/** The declarations of {@linkcode FluxKontextOptions}. */
export const fluxKontextOptions: CallOptions<FluxKontextOptions> = {
  image: { type: "image", list: "allowed", nullable: true, required: true },
  maxArea: { type: "integer", minimum: 1 },
  autoResize: { type: "boolean" },
};

/** Sizes that FLUX.1 Kontext was trained with, [width, height] (`PREFERRED_KONTEXT_RESOLUTIONS`). */
const PREFERRED: readonly (readonly [width: number, height: number])[] = [
  [672, 1568],
  [688, 1504],
  [720, 1456],
  [752, 1392],
  [800, 1328],
  [832, 1248],
  [880, 1184],
  [944, 1104],
  [1024, 1024],
  [1104, 944],
  [1184, 880],
  [1248, 832],
  [1328, 800],
  [1392, 752],
  [1456, 720],
  [1504, 688],
  [1568, 672],
];

/** The size of about `maxArea` pixels with the shape that is asked for. */
function fittedSize(
  { vae }: Pick<FluxComponents, "vae">,
  { height, width, maxArea = 1024 ** 2 }: SizeOptions & Partial<FluxKontextOptions>,
): ImageSize {
  const token = 2 * vaeScaleFactor(vae);
  const trained = 128 * vaeScaleFactor(vae);
  const shape = (width ?? trained) / (height ?? trained);
  const fit = (side: number) => Math.floor(roundHalfEven(Math.sqrt(side)) / token) * token;
  const size = { height: fit(maxArea / shape), width: fit(maxArea * shape) };
  if (size.height > 0 && size.width > 0 && shape > 0) return size;
  throw new RangeError(
    `Cannot make an image of the shape ${width ?? trained}x${height ?? trained} with about ` +
      `${maxArea} pixels: each side must have at least ${token}; give other sides, or a larger maxArea`,
  );
}

/**
 * Images as tokens beside those that are made: encoded without noise, brought to the size that the
 * model knows for their shape.
 *
 * @param count Images to make.
 */
export async function kontextReference(
  run: PipelineRun<FluxComponents>,
  { image, autoResize = true }: FluxKontextOptions,
  count: number,
): Promise<ReferenceTokens | undefined> {
  if (image === null) return undefined;
  const { vae } = run.components;
  const { latent_channels: latentChannels } = vae.config;
  const codec = await run.images();
  const first = Array.isArray(image) ? image[0]! : image;
  const isLatent = first instanceof Tensor && first.dims.at(-3) === latentChannels;
  const { dims } = isLatent ? first : await codec.toTensor(first, { mode: "RGB" });
  const [height, width] = dims.slice(-2) as [number, number];
  const token = 2 * vaeScaleFactor(vae);
  const fit = (side: number) => Math.floor(side / token) * token;
  const [w, h] = autoResize ? nearest(width / height) : [width, height];
  const images = await prepareImages(codec, image, {
    height: fit(h),
    width: fit(w),
    latentChannels,
  });
  const latents = await imageLatentMeans(vae, images, count);
  const [rows, columns] = latents.dims.slice(2) as [number, number];
  return { tokens: packLatents(latents), ids: gridIds(rows / 2, columns / 2, 1) };
}

/** The size with the nearest shape; of two that are as near the smaller one, as Python's `min`. */
function nearest(shape: number): readonly [width: number, height: number] {
  const distance = ([width, height]: readonly [number, number]) => Math.abs(shape - width / height);
  return PREFERRED.reduce((best, size) => distance(size) < distance(best) ? size : best);
}

/**
 * FLUX.1 Kontext (Black Forest Labs, 2025, arXiv:2506.15742): the image that the prompt speaks of is
 * a row of tokens behind those that are made, with another first coordinate.
 */
export const fluxKontext: Family<FluxComponents, KontextCall, FluxControl> = fluxWith<KontextCall>({
  name: "flux-kontext",
  size: fittedSize,
  reference: kontextReference,
});
