import { type CallOptions, type ComponentSpec, Tensor } from "@denoise/core";
import { type ImagePrompt, imagesToFollow, openImagePrompt } from "@denoise/diffusion";
import { type FluxComponents, fluxComponents } from "./components.ts";

/** The components that the definitions of the pipelines whose images may follow others share. */
export const imagePromptedFlux: {
  readonly components: { readonly [K in keyof FluxComponents]: ComponentSpec };
} = {
  components: {
    ...fluxComponents.components,
    imageEncoder: { kind: "model", optional: true },
    featureExtractor: { kind: "processor", optional: true },
  },
};

/** Images that say what is wanted, beside the prompt, where IP-Adapters are loaded. */
export interface FluxImagePromptOptions {
  /** For the IP-Adapter in use an image; for several a list with one, or a list of them, for each. */
  readonly ipAdapterImage?: ImagePrompt | readonly ImagePrompt[] | undefined;
  /** What the image encoder made of them: for each IP-Adapter float32 [1, images, width]. */
  readonly ipAdapterImageEmbeds?: readonly Tensor[] | undefined;
  /** Images of what is not wanted, with a `trueCfgScale` above 1. Defaults to black ones. */
  readonly negativeIpAdapterImage?: ImagePrompt | readonly ImagePrompt[] | undefined;
  /** What the image encoder made of those. */
  readonly negativeIpAdapterImageEmbeds?: readonly Tensor[] | undefined;
}

/** The declarations of {@linkcode FluxImagePromptOptions}. */
export const fluxImagePromptOptions: CallOptions<FluxImagePromptOptions> = {
  ipAdapterImage: { type: "image", list: "allowed" },
  ipAdapterImageEmbeds: { type: "tensor", list: "required" },
  negativeIpAdapterImage: { type: "image", list: "allowed" },
  negativeIpAdapterImageEmbeds: { type: "tensor", list: "required" },
};

/** Rows for each IP-Adapter, float32 [N, images, width]; undefined without one. */
export interface FollowedImages {
  /** Of what is wanted. */
  readonly wanted?: readonly Tensor[] | undefined;
  /** Of what is not; undefined where nobody asks. */
  readonly unwanted?: readonly Tensor[] | undefined;
}

/**
 * What IP-Adapters are given of a call's images.
 *
 * @param count Images to make.
 * @param guided Whether there is a call for what is not wanted.
 * @throws {TypeError} for images without an IP-Adapter, and the other way round.
 * @throws {RangeError} when there are more or fewer than IP-Adapters.
 */
export async function fluxImagePrompts(
  components: FluxComponents,
  options: FluxImagePromptOptions,
  count: number,
  guided: boolean,
): Promise<FollowedImages> {
  const adapters = components.transformer.imagePrompts?.().length ?? 0;
  const { ipAdapterImage: image, ipAdapterImageEmbeds: embeds } = options;
  const { negativeIpAdapterImage: against, negativeIpAdapterImageEmbeds: embedsAgainst } = options;
  const isFollowed = image !== undefined || embeds !== undefined;
  const isAvoided = against !== undefined || embedsAgainst !== undefined;
  const black = Array.from({ length: adapters }, () => ({ image: [Tensor.zeros([1, 3, 8, 8])] }));
  const avoided = isAvoided ? imagesToFollow(adapters, against, embedsAgainst) : black;
  const followed = isFollowed || !isAvoided ? imagesToFollow(adapters, image, embeds) : black;
  if (adapters === 0) return {};
  const rowsOf = (images: ReturnType<typeof imagesToFollow<Tensor>>) =>
    Promise.all(images.map(async (one) => {
      const row = "embeds" in one ? checked(one.embeds) : await vectors(components, one.image);
      return row.repeatInterleave(count, 0);
    }));
  return {
    wanted: await rowsOf(followed),
    unwanted: guided ? await rowsOf(avoided) : undefined,
  };
}

/** The vectors of the images of one IP-Adapter, [1, images, width]. */
async function vectors(components: FluxComponents, image: ImagePrompt): Promise<Tensor> {
  const { pixels, encode } = await openImagePrompt(components, image, "embeds");
  return (await encode(pixels)).unsqueeze(0);
}

function checked(embeds: Tensor): Tensor {
  if (embeds.dims.length === 3 && embeds.dims[0] === 1) return embeds;
  throw new TypeError(
    `Cannot follow ipAdapterImageEmbeds of shape [${embeds.dims.join(", ")}]: an IP-Adapter of ` +
      "FLUX.1 needs [1, images, width]",
  );
}
