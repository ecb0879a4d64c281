import { type CallOptions, type ImageInput, Tensor } from "@denoise/core";
import { imagesToFollow, openImagePrompt } from "@denoise/diffusion";
import type { Sd3Components } from "./components.ts";

/** An image that says what is wanted, beside the prompt, where an IP-Adapter is loaded. */
export interface Sd3ImagePromptOptions {
  /** The image. */
  readonly ipAdapterImage?: ImageInput | undefined;
  /**
   * What the image encoder made of it, float32 [1, patches, width]; with guidance [2, patches, width], the first
   * for what is not wanted.
   */
  readonly ipAdapterImageEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode Sd3ImagePromptOptions}. */
export const sd3ImagePromptOptions: CallOptions<Sd3ImagePromptOptions> = {
  ipAdapterImage: { type: "image" },
  ipAdapterImageEmbeds: { type: "tensor" },
};

/**
 * What an IP-Adapter is given of a call's image, of which the first half is for what is not wanted where there is
 * guidance, float32 [rows, patches, width]; undefined without an image, which is not needed.
 *
 * @param count Images to make.
 * @param guided Whether there are rows for what is not wanted.
 * @throws {TypeError} for an image without an IP-Adapter, and embeddings of another shape.
 */
export async function sd3ImagePrompt(
  components: Sd3Components,
  { ipAdapterImage: image, ipAdapterImageEmbeds: embeds }: Sd3ImagePromptOptions,
  count: number,
  guided: boolean,
): Promise<Tensor | undefined> {
  if (image === undefined && embeds === undefined) return undefined;
  const adapters = components.transformer.imagePrompts?.().length ?? 0;
  const [one] = imagesToFollow(adapters, image && [image], embeds && [embeds]);
  const rows = "embeds" in one!
    ? checked(one.embeds, guided)
    : await states(components, image!, guided);
  return rows.repeatInterleave(count, 0);
}

async function states(
  components: Sd3Components,
  image: ImageInput,
  guided: boolean,
): Promise<Tensor> {
  const { pixels, encode } = await openImagePrompt(components, image, "states");
  const seen = await encode(pixels);
  return guided ? Tensor.cat([Tensor.zeros(seen.dims), seen]) : seen;
}

function checked(embeds: Tensor, guided: boolean): Tensor {
  const rows = guided ? 2 : 1;
  if (embeds.dims.length === 3 && embeds.dims[0] === rows) return embeds;
  throw new TypeError(
    `Cannot follow ipAdapterImageEmbeds of shape [${embeds.dims.join(", ")}]: an IP-Adapter of ` +
      `Stable Diffusion 3 needs [${rows}, patches, width]`,
  );
}
