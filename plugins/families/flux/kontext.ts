import {
  type CallOptions,
  type ImageSize,
  type PipelineRun,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import {
  type Family,
  fromMaskWith,
  gridIds,
  imageLatentMeans,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  type MaskStartCall,
  type MaskStartOptions,
  maskStartOptions,
  packLatents,
  prepareImages,
  type SizeOptions,
  type Start,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";
import type { FluxControl } from "./control_nets.ts";
import { type FluxOptions, fluxWith, type ReferenceTokens } from "./family.ts";
import type { FluxImagePromptOptions } from "./image_prompt.ts";

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
export type KontextCall =
  & LatentOptions
  & FluxOptions
  & FluxImagePromptOptions
  & FluxKontextOptions;

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
  const codec = await run.images();
  const size = await kontextSize(run, image, autoResize);
  const latentChannels = latentSpace(vae).channels;
  const images = await prepareImages(codec, image, { ...size, latentChannels });
  const latents = await imageLatentMeans(vae, images, count);
  const [rows, columns] = latents.dims.slice(2) as [number, number];
  return { tokens: packLatents(latents), ids: gridIds(rows / 2, columns / 2, 1) };
}

/** The size that an image is brought to: one of those that are preferred, or nearly its own. */
async function kontextSize(
  run: PipelineRun<FluxComponents>,
  image: ImagesInput,
  autoResize: boolean,
): Promise<ImageSize> {
  const { vae } = run.components;
  const first = Array.isArray(image) ? image[0] : image;
  if (first === undefined) {
    throw new RangeError("Cannot take reference images: the list is empty; give null for none");
  }
  const isLatent = first instanceof Tensor && first.dims.at(-3) === latentSpace(vae).channels;
  const { dims } = isLatent ? first : await (await run.images()).toTensor(first, { mode: "RGB" });
  const [height, width] = dims.slice(-2) as [number, number];
  const token = 2 * vaeScaleFactor(vae);
  const fit = (side: number) => Math.floor(side / token) * token;
  const [w, h] = autoResize ? nearest(width / height) : [width, height];
  const size = { height: fit(h), width: fit(w) };
  if (isLatent || (size.height > 0 && size.width > 0)) return size; // latents are taken as they are
  throw new RangeError(
    `Cannot take a reference image of ${width}x${height} in its own size: its sides must be at least ${token} ` +
      "pixels; leave autoResize out, or give a larger image",
  );
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

/** Options of a call of FLUX.1 Kontext that inpaints. */
export interface FluxKontextInpaintOptions
  extends Pick<MaskStartOptions, "image" | "maskImage" | "strength" | "latents"> {
  /** An image that the prompt speaks of. Defaults to the image itself. */
  readonly imageReference?: ImagesInput | undefined;
  /** Whether images are brought to one of 17 sizes, as the model was trained with. Defaults to true. */
  readonly autoResize?: boolean | undefined;
}

/** The declarations of {@linkcode FluxKontextInpaintOptions}. */
export const fluxKontextInpaintOptions: CallOptions<FluxKontextInpaintOptions> = {
  image: maskStartOptions.image,
  maskImage: maskStartOptions.maskImage,
  strength: maskStartOptions.strength,
  latents: maskStartOptions.latents,
  imageReference: { type: "image", list: "allowed" },
  autoResize: fluxKontextOptions.autoResize,
};

/** Options that the family of FLUX.1 Kontext reads when it inpaints. */
export type KontextInpaintCall =
  & LatentOptions
  & FluxOptions
  & FluxImagePromptOptions
  & FluxKontextInpaintOptions;

/** {@linkcode fluxKontext} where a mask says what changes: the image says the size, too. */
export const fluxKontextInpainting: Family<FluxComponents, KontextInpaintCall, FluxControl> =
  fluxWith<KontextInpaintCall>({
    name: "flux-kontext",
    async reference(run, { image, imageReference, autoResize = true }, count) {
      const tokens = await kontextReference(
        run,
        { image: imageReference ?? image, autoResize },
        count,
      );
      return { ...tokens!, size: await kontextSize(run, image, autoResize) };
    },
  });

/** From an image without the autoencoder's noise, of which a mask lets a part change. */
export const fromKontextMask: Start<FluxComponents, MaskStartCall> = fromMaskWith({
  seesMask: () => false,
  beginsWithImage: true,
  encodesMean: true,
});
