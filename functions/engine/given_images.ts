import type { Image, ImageInput, Registry } from "@denoise/core";
import { invalid } from "../contract/errors.ts";
import type { JobInput } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { type SizeLimits, sizeProblem } from "../contract/size_limits.ts";

/** An image that a caller gave, decoded; refused when a run on it would be too large. */
export async function givenImage(
  { image, width, height, count }: JobInput,
  registry: Registry,
  model: Pick<ModelInfo, "width" | "height">,
  limits: SizeLimits,
): Promise<ImageInput | undefined> {
  if (image === undefined) return undefined;
  const decoded = await decode(image, "image");
  const target = { width: width ?? decoded.width, height: height ?? decoded.height };
  const problem = sizeProblem({ ...target, count }, model, limits);
  if (problem !== undefined) throw invalid("image", `${problem}; give a smaller image, or a size`);
  const fits = target.width === decoded.width && target.height === decoded.height;
  return fits ? decoded : await (await registry.images()).toTensor(decoded, target);
}

/**
 * A mask that a caller gave: its transparent part is inpainted where it has one, as the OpenAI API
 * has it, else its white part, as diffusers has it.
 */
export async function givenMask({ mask }: JobInput): Promise<Image | undefined> {
  if (mask === undefined) return undefined;
  const decoded = await decode(mask, "mask");
  const { width, height, channels, data } = decoded;
  if (channels !== 4) return decoded;
  const covered = new Uint8Array(width * height);
  let transparent = false;
  for (let i = 0; i < covered.length; i++) {
    covered[i] = 255 - data[i * 4 + 3]!;
    transparent ||= covered[i] !== 0;
  }
  if (!transparent) return decoded;
  const { DenoiseImage } = await import("@denoise/denoise");
  return new DenoiseImage(width, height, 1, covered);
}

async function decode(bytes: Uint8Array, field: string): Promise<Image> {
  const { decodeImage } = await import("@denoise/denoise");
  try {
    return await decodeImage(bytes);
  } catch (error) {
    const message = error instanceof Error && error.message.startsWith("Cannot read")
      ? error.message
      : "Cannot read the image: its pixels do not decode";
    throw invalid(field, message);
  }
}
