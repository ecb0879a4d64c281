import type { Picture, PictureInput, Registry } from "@denoise/core";
import { invalid } from "../contract/errors.ts";
import type { JobInput } from "../contract/job.ts";

/** A picture that a caller gave, decoded; refused when a run on it would be too large. */
export async function givenPicture(
  { image, width, height, count }: JobInput,
  registry: Registry,
  maxPixels: number,
): Promise<PictureInput | undefined> {
  if (image === undefined) return undefined;
  const picture = await decode(image, "image");
  const target = { width: width ?? picture.width, height: height ?? picture.height };
  if (target.width * target.height * count > maxPixels) {
    throw invalid(
      "image",
      `Cannot make ${count} of ${target.width}x${target.height} from that image: width times ` +
        `height times pictures can be ${maxPixels} at most; give a smaller image, or a size`,
    );
  }
  const fits = target.width === picture.width && target.height === picture.height;
  return fits ? picture : await (await registry.pictures()).toTensor(picture, target);
}

/**
 * A mask that a caller gave: its transparent part is painted anew where it has one, as the OpenAI API
 * has it, else its white part, as diffusers has it.
 */
export async function givenMask({ mask }: JobInput): Promise<Picture | undefined> {
  if (mask === undefined) return undefined;
  const picture = await decode(mask, "mask");
  const { width, height, channels, data } = picture;
  if (channels !== 4) return picture;
  const covered = new Uint8Array(width * height);
  let transparent = false;
  for (let i = 0; i < covered.length; i++) {
    covered[i] = 255 - data[i * 4 + 3]!;
    transparent ||= covered[i] !== 0;
  }
  if (!transparent) return picture;
  const { DenoiseImage } = await import("@denoise/denoise");
  return new DenoiseImage(width, height, 1, covered);
}

async function decode(bytes: Uint8Array, field: string): Promise<Picture> {
  const { decodeImage } = await import("@denoise/denoise");
  try {
    return await decodeImage(bytes);
  } catch (error) {
    const message = error instanceof Error && error.message.startsWith("Cannot read")
      ? error.message
      : "Cannot read the picture: its pixels do not decode";
    throw invalid(field, message);
  }
}
