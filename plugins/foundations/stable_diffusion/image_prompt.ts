import type { CrossAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, Tensor } from "@denoise/core";
import {
  type ImagePrompt,
  type ImagePromptEncoders,
  imagesToFollow,
  openImagePrompt,
} from "@denoise/diffusion";
import type { Denoiser } from "@denoise/roles";
import type { TextConditioning } from "./text_conditioning.ts";

/** Images that say what is wanted, beside the prompt. */
export interface ImagePromptOptions {
  /**
   * For the IP-Adapter in use an image; for several a list with one, or a list of them, for each. FaceID-Plus adapters are
   * given images of the faces here and their vectors as `ipAdapterImageEmbeds`.
   */
  readonly ipAdapterImage?: ImagePrompt | readonly ImagePrompt[] | undefined;
  /**
   * What the image encoder made of them: for each IP-Adapter float32 [1, images, width] or
   * [1, images, patches, width]; with guidance of two rows, the first for what is not wanted. For FaceID adapters
   * the vectors of faces, as InsightFace makes them.
   */
  readonly ipAdapterImageEmbeds?: readonly Tensor[] | undefined;
}

/** The declarations of {@linkcode ImagePromptOptions}. */
export const imagePromptOptions: CallOptions<ImagePromptOptions> = {
  ipAdapterImage: { type: "image", list: "allowed" },
  ipAdapterImageEmbeds: { type: "tensor", list: "required" },
};

/** The parts of a pipeline that take part in an image prompt. */
export interface ImagePromptComponents extends ImagePromptEncoders {
  /** The denoiser, which knows its IP-Adapters. */
  readonly unet: Pick<Denoiser, "imagePrompts"> & {
    /** The tensors of adapters by name, the scales of IP-Adapters among them. */
    readonly extensions?: ReadonlyMap<
      string,
      ReadonlyMap<string, { readonly dims: readonly number[] }>
    >;
  };
}

/** What the denoiser is given for its IP-Adapters; nothing where there are none. */
export interface ImageConditioning {
  /** For each float32 [N, images, width] or [N, images, patches, width]. */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Beside the vectors of faces the states of their images, float32 [N, images, patches, width]. */
  readonly imageStates?: readonly (Tensor | undefined)[] | undefined;
  /** Where the images count, float32 [1, images, H, W]; undefined for everywhere. */
  readonly imageMasks?: readonly (Tensor | undefined)[] | undefined;
}

/** What an IP-Adapter takes of an image. */
type Kind = ReturnType<NonNullable<Denoiser["imagePrompts"]>>[number];

/**
 * What IP-Adapters are given of a call's images, as the denoiser takes it.
 *
 * @throws {TypeError} for images without an IP-Adapter, and the other way round.
 * @throws {RangeError} when there are more or fewer than IP-Adapters.
 */
export async function conditionOnImages(
  components: ImagePromptComponents,
  options: ImagePromptOptions & CrossAttentionKwargs,
  { count, guidance }: Pick<TextConditioning, "count" | "guidance">,
): Promise<ImageConditioning> {
  const { ipAdapterImage, ipAdapterImageEmbeds } = options;
  const kinds = components.unet.imagePrompts?.() ?? [];
  const takesBoth = kinds.includes("face and states") && ipAdapterImageEmbeds !== undefined;
  const images = takesBoth ? undefined : ipAdapterImage;
  const given = imagesToFollow(kinds.length, images, ipAdapterImageEmbeds);
  if (given.length === 0) return {};
  const rows = await Promise.all(given.map((one, i) => {
    const kind = kinds[i]!;
    return "embeds" in one
      ? checkEmbeds(one.embeds, kind, guidance)
      : encodeImages(components, one.image, kind, guidance);
  }));
  const faces = takesBoth ? await encodeFaces(components, options, kinds, guidance) : undefined;
  faces?.forEach((states, i) => {
    const [images, wanted] = [states?.dims[1], rows[i]!.dims[1]];
    if (images === undefined || images === wanted) return;
    throw new RangeError(
      `Cannot pair ${images} images of faces with ${wanted} vectors: give an image for each`,
    );
  });
  const imageMasks = masksOf(options, rows);
  checkScales(components, rows);
  return {
    imageEmbeds: rows.map((row) => row.repeatInterleave(count, 0)),
    imageStates: faces?.map((row) => row?.repeatInterleave(count, 0)),
    imageMasks,
  };
}

/** Refuses a list of scales that has not one for each image of its IP-Adapter. */
function checkScales(
  { unet: { extensions } }: ImagePromptComponents,
  rows: readonly Tensor[],
): void {
  const added = [...extensions?.values() ?? []].flatMap((tensors) => [...tensors]);
  for (const [i, { dims: [, images] }] of rows.entries()) {
    const [_, scale] = added.find(([name]) => name.endsWith(`.processor.scale.${i}`)) ?? [];
    const [scales = images] = scale?.dims ?? [];
    if (scales === images) continue;
    throw new RangeError(
      `Cannot scale the ${images} images of IP-Adapter ${i} by ${scales} numbers: setIpAdapterScale ` +
        "must be given one number for it, or a list of one for each image",
    );
  }
}

/** States of the images of faces, for the IP-Adapters that take them beside vectors. */
async function encodeFaces(
  components: ImagePromptComponents,
  { ipAdapterImage }: ImagePromptOptions,
  kinds: readonly Kind[],
  guidance: boolean,
): Promise<(Tensor | undefined)[]> {
  const listed = Array.isArray(ipAdapterImage)
    ? ipAdapterImage as readonly ImagePrompt[]
    : ipAdapterImage === undefined
    ? []
    : [ipAdapterImage as ImagePrompt];
  if (listed.length !== kinds.length) {
    throw new RangeError(
      `Cannot follow faces with ${listed.length} images for ${kinds.length} IP-Adapters: FaceID-Plus needs ` +
        `ipAdapterImage beside ipAdapterImageEmbeds, a list with one for each adapter`,
    );
  }
  return await Promise.all(
    kinds.map(async (kind, i) =>
      kind === "face and states"
        ? await encodeImages(components, listed[i]!, "states", guidance)
        : undefined
    ),
  );
}

/** The masks of a call, one for each IP-Adapter and in it one for each image. */
function masksOf(
  { crossAttentionKwargs: { ipAdapterMasks: masks } = {} }: CrossAttentionKwargs,
  rows: readonly Tensor[],
): ImageConditioning["imageMasks"] {
  if (masks === undefined) return undefined;
  if (!Array.isArray(masks) || masks.length !== rows.length) {
    throw new RangeError(
      `Cannot mask ${rows.length} IP-Adapters by ${
        Array.isArray(masks) ? masks.length : masks
      } masks: ` +
        `ipAdapterMasks must be a list of one [1, images, H, W] for each`,
    );
  }
  for (const [i, mask] of (masks as readonly (Tensor | undefined)[]).entries()) {
    const images = rows[i]!.dims[1]!;
    if (mask === undefined) continue;
    if (
      mask instanceof Tensor && mask.dims.length === 4 && mask.dims[0] === 1 &&
      mask.dims[1] === images
    ) continue;
    const found = mask instanceof Tensor ? `shape [${mask.dims.join(", ")}]` : typeof mask;
    throw new TypeError(
      `Cannot mask the ${images} images of IP-Adapter ${i} by ${found}: ipAdapterMasks must have [1, ${images}, H, W] there`,
    );
  }
  return masks;
}

/** Of the images of one IP-Adapter, [1, images, ...], or [2, images, ...] with guidance. */
async function encodeImages(
  components: ImagePromptComponents,
  prompt: ImagePrompt,
  kind: Kind,
  guidance: boolean,
): Promise<Tensor> {
  if (kind === "face" || kind === "face and states") {
    throw new TypeError(
      "Cannot find a face in ipAdapterImage: a FaceID adapter follows vectors of faces, as InsightFace makes " +
        "them; give them as ipAdapterImageEmbeds",
    );
  }
  const { pixels, encode } = await openImagePrompt(components, prompt, kind);
  const seen = await encode(pixels);
  if (!guidance) return seen.unsqueeze(0);
  const nothing = kind === "embeds"
    ? Tensor.zeros(seen.dims)
    : await encode(Tensor.zeros(pixels.dims));
  return Tensor.cat([nothing.unsqueeze(0), seen.unsqueeze(0)]);
}

function checkEmbeds(embeds: Tensor, kind: Kind, guidance: boolean): Tensor {
  const rank = kind === "states" ? 4 : 3;
  const rows = guidance ? 2 : 1;
  if (embeds.dims.length === rank && embeds.dims[0] === rows) return embeds;
  const wanted = kind === "states" ? "images, patches, width" : "images, width";
  throw new TypeError(
    `Cannot follow ipAdapterImageEmbeds of shape [${embeds.dims.join(", ")}]: this IP-Adapter ` +
      `needs [${rows}, ${wanted}]`,
  );
}
