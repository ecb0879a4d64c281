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

/** The parts of a pipeline that take part in an image prompt. */
export interface ImagePromptComponents extends ImagePromptEncoders {
  /** The denoiser, which knows its IP-Adapters. */
  readonly unet: Pick<Denoiser, "imagePrompts">;
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
  const given = imagesToFollow(kinds.length, ipAdapterImage, ipAdapterImageEmbeds);
  if (given.length === 0) return undefined;
  const rows = await Promise.all(given.map((one, i) => {
    const kind = kinds[i]!;
    return "embeds" in one
      ? checkEmbeds(one.embeds, kind, guidance)
      : encodeImages(components, one.image, kind, guidance);
  }));
  return rows.map((row) => row.repeatInterleave(count, 0));
}

/** Of the images of one IP-Adapter, [1, images, ...], or [2, images, ...] with guidance. */
async function encodeImages(
  components: ImagePromptComponents,
  prompt: ImagePrompt,
  kind: "embeds" | "states",
  guidance: boolean,
): Promise<Tensor> {
  const { pixels, encode } = await openImagePrompt(components, prompt, kind);
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
