import { DenoiseError, type ImageInput, type Model, Tensor } from "@denoise/core";
import type { FeatureExtractor } from "@denoise/roles";

/** One image, or several that an IP-Adapter sees at once. */
export type ImagePrompt = ImageInput | readonly ImageInput[];

/** The role of a model that encodes images for an IP-Adapter. */
export interface ImageEncoder extends Model {
  /** Images, float32 [N, 3, H, W], to a vector for each, and to the states of its patches. */
  forward(
    pixelValues: Tensor,
    options?: { readonly outputHiddenStates?: boolean | undefined },
  ): Promise<{
    readonly imageEmbeds?: Tensor | undefined;
    readonly hiddenStates?: readonly Tensor[] | undefined;
  }>;
}

/**
 * The vectors that CLIP has for images, float32 [N, width].
 *
 * @param images A tensor is taken as the image encoder wants it, resized and normalized.
 * @throws {TypeError} for an image encoder that gives none.
 */
export async function encodeImageVectors(
  { imageEncoder, featureExtractor }: {
    readonly imageEncoder: ImageEncoder;
    readonly featureExtractor: FeatureExtractor;
  },
  images: ImagePrompt,
): Promise<Tensor> {
  const pixels = images instanceof Tensor
    ? images
    : await featureExtractor.preprocess([images].flat() as ImageInput[]);
  const { imageEmbeds } = await imageEncoder.forward(pixels);
  if (imageEmbeds !== undefined) return imageEmbeds;
  throw new TypeError(
    `Cannot vary an image by a ${imageEncoder.className}: it gives no imageEmbeds; use a ` +
      "CLIPVisionModelWithProjection",
  );
}

/** What encodes the images that IP-Adapters follow. */
export interface ImagePromptEncoders {
  /** What makes vectors or states of pixels. */
  readonly imageEncoder?: ImageEncoder | null;
  /** What prepares images for it. */
  readonly featureExtractor?: FeatureExtractor | null;
}

/**
 * What IP-Adapters are given of images that a call names, one item for each; none where there are no
 * IP-Adapters.
 *
 * @param adapters How many IP-Adapters there are.
 * @param images `ipAdapterImage` of the call.
 * @param embeds `ipAdapterImageEmbeds` of the call.
 * @throws {TypeError} for images without an IP-Adapter, and the other way round.
 * @throws {RangeError} when there are more or fewer than IP-Adapters.
 */
export function imagesToFollow<E>(
  adapters: number,
  images: ImagePrompt | readonly ImagePrompt[] | undefined,
  embeds: readonly E[] | undefined,
): readonly ({ readonly image: ImagePrompt } | { readonly embeds: E })[] {
  if (images !== undefined && embeds !== undefined) {
    throw new TypeError(
      "Cannot follow images: give either ipAdapterImage or ipAdapterImageEmbeds, not both",
    );
  }
  const listed = Array.isArray(images) ? images as readonly ImagePrompt[] : [images as ImagePrompt];
  const given = embeds?.map((embeds) => ({ embeds })) ??
    (images === undefined ? [] : listed.map((image) => ({ image })));
  if (adapters === 0 && given.length === 0) return [];
  if (adapters === 0) {
    throw new TypeError("Cannot follow images without an IP-Adapter: call loadIpAdapter first");
  }
  if (given.length === 0) {
    throw new TypeError(
      "Cannot run with an IP-Adapter but no image: give ipAdapterImage, or call unloadIpAdapter",
    );
  }
  if (given.length === adapters) return given;
  throw new RangeError(
    `Cannot follow ${given.length} images with ${adapters} IP-Adapters: give a list with ` +
      `one for each; several images for one are a list in that list`,
  );
}

/**
 * Images as pixels, and what encodes these for an IP-Adapter: a vector for each, [N, width], or the states
 * of its patches, [N, patches, width].
 *
 * @throws {DenoiseError} `missing_component` where there is nothing that encodes images.
 */
export async function openImagePrompt(
  { imageEncoder, featureExtractor }: ImagePromptEncoders,
  prompt: ImagePrompt,
  kind: "embeds" | "states",
): Promise<{ readonly pixels: Tensor; encode(pixels: Tensor): Promise<Tensor> }> {
  const pixels = prompt instanceof Tensor // is what the encoder takes
    ? prompt
    : await featureExtractor?.preprocess([prompt].flat() as ImageInput[]);
  if (pixels === undefined || imageEncoder === undefined || imageEncoder === null) {
    throw new DenoiseError(
      "missing_component",
      "Cannot encode ipAdapterImage without imageEncoder and featureExtractor: set them, or give " +
        "ipAdapterImageEmbeds",
    );
  }
  return {
    pixels,
    async encode(input) {
      if (kind === "embeds") return (await imageEncoder.forward(input)).imageEmbeds!;
      const options = { outputHiddenStates: true };
      return (await imageEncoder.forward(input, options)).hiddenStates!.at(-2)!;
    },
  };
}
