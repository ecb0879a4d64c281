import { type CallOptions, DenoiseError, type ImageInput, type Model, Tensor } from "@denoise/core";
import type { Denoiser, FeatureExtractor } from "@denoise/roles";
import type { TextConditioning } from "./text_conditioning.ts";

/** One image, or several that an IP-Adapter sees at once. */
export type ImagePrompt = ImageInput | readonly ImageInput[];

/** Images that say what is wanted, beside the prompt. */
export interface ImagePromptOptions {
  /** For the IP-Adapter in use an image; for several a list with one, or a list of them, for each. */
  readonly ipAdapterImage?: ImagePrompt | readonly ImagePrompt[] | undefined;
  /**
   * What the image encoder made of them: for each IP-Adapter float32 [1, images, width] or
   * [1, images, patches, width]; with guidance of two rows, the first for what is not wanted.
   */
  readonly ipAdapterImageEmbeds?: readonly Tensor[] | undefined;
}

/** The declarations of {@linkcode ImagePromptOptions}. */
export const imagePromptOptions: CallOptions<ImagePromptOptions> = {
  ipAdapterImage: { type: "image", list: "allowed" },
  ipAdapterImageEmbeds: { type: "tensor", list: "required" },
};

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

/** The parts of a pipeline that take part in an image prompt. */
export interface ImagePromptComponents {
  /** The denoiser, which knows its IP-Adapters. */
  readonly unet: Pick<Denoiser, "imagePrompts">;
  /** What encodes images for them. */
  readonly imageEncoder?: ImageEncoder | null;
  /** What prepares images for it. */
  readonly featureExtractor?: FeatureExtractor | null;
}

/**
 * What IP-Adapters are given of a call's images, as the denoiser takes it; undefined where there
 * are no IP-Adapters.
 *
 * @throws {TypeError} for images without an IP-Adapter, and the other way round.
 * @throws {RangeError} when there are more or fewer than IP-Adapters.
 */
export async function conditionOnImages(
  components: ImagePromptComponents,
  { ipAdapterImage, ipAdapterImageEmbeds }: ImagePromptOptions,
  { count, guidance }: Pick<TextConditioning, "count" | "guidance">,
): Promise<readonly Tensor[] | undefined> {
  const kinds = components.unet.imagePrompts?.() ?? [];
  if (ipAdapterImage !== undefined && ipAdapterImageEmbeds !== undefined) {
    throw new TypeError(
      "Cannot follow images: give either ipAdapterImage or ipAdapterImageEmbeds, not both",
    );
  }
  const given = ipAdapterImageEmbeds ??
    (ipAdapterImage === undefined ? [] : listed(ipAdapterImage));
  if (kinds.length === 0 && given.length === 0) return undefined;
  if (kinds.length === 0) {
    throw new TypeError("Cannot follow images without an IP-Adapter: call loadIpAdapter first");
  }
  if (given.length === 0) {
    throw new TypeError(
      "Cannot run with an IP-Adapter but no image: give ipAdapterImage, or call unloadIpAdapter",
    );
  }
  if (given.length !== kinds.length) {
    throw new RangeError(
      `Cannot follow ${given.length} images with ${kinds.length} IP-Adapters: give a list with ` +
        `one for each; several images for one are a list in that list`,
    );
  }
  const rows = await Promise.all(
    kinds.map((kind, i) =>
      ipAdapterImageEmbeds === undefined
        ? encodeImages(components, given[i] as ImagePrompt, kind, guidance)
        : checkEmbeds(ipAdapterImageEmbeds[i]!, kind, guidance)
    ),
  );
  return rows.map((row) => row.repeatInterleave(count, 0));
}

function listed(given: NonNullable<ImagePromptOptions["ipAdapterImage"]>): readonly ImagePrompt[] {
  return Array.isArray(given) ? given as readonly ImagePrompt[] : [given as ImagePrompt];
}

/** Of the images of one IP-Adapter, [1, images, ...], or [2, images, ...] with guidance. */
async function encodeImages(
  { imageEncoder, featureExtractor }: ImagePromptComponents,
  prompt: ImagePrompt,
  kind: "embeds" | "states",
  guidance: boolean,
): Promise<Tensor> {
  const pixels = prompt instanceof Tensor
    ? prompt
    : await featureExtractor?.preprocess([prompt].flat() as ImageInput[]);
  if (pixels === undefined || imageEncoder === undefined || imageEncoder === null) {
    throw new DenoiseError(
      "missing_component",
      "Cannot encode ipAdapterImage without imageEncoder and featureExtractor: set them, or give " +
        "ipAdapterImageEmbeds",
    );
  }
  const encode = async (input: Tensor): Promise<Tensor> => {
    if (kind === "embeds") return (await imageEncoder.forward(input)).imageEmbeds!;
    return (await imageEncoder.forward(input, { outputHiddenStates: true })).hiddenStates!.at(-2)!;
  };
  const seen = await encode(pixels);
  if (!guidance) return seen.unsqueeze(0);
  const nothing = kind === "embeds"
    ? Tensor.zeros(seen.dims)
    : await encode(Tensor.zeros(pixels.dims));
  return Tensor.cat([nothing.unsqueeze(0), seen.unsqueeze(0)]);
}

function checkEmbeds(embeds: Tensor, kind: "embeds" | "states", guidance: boolean): Tensor {
  const rank = kind === "embeds" ? 3 : 4;
  const rows = guidance ? 2 : 1;
  if (embeds.dims.length === rank && embeds.dims[0] === rows) return embeds;
  const wanted = kind === "embeds" ? "images, width" : "images, patches, width";
  throw new TypeError(
    `Cannot follow ipAdapterImageEmbeds of shape [${embeds.dims.join(", ")}]: this IP-Adapter ` +
      `needs [${rows}, ${wanted}]`,
  );
}
