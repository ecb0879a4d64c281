import { type ConfigSchema, either, type FrozenConfig, number, oneOf, record } from "@denoise/core";
import type { PixelConfig } from "@denoise/processors";

/** Sides in preprocessor_config.json: the shorter one, or both. */
export interface SideOption {
  /** The shorter side. */
  readonly shortest_edge?: number;
  /** One of both sides. */
  readonly height?: number;
  /** The other. */
  readonly width?: number;
}

/** A size in preprocessor_config.json; a number is the shorter side or both. */
export type SizeOption = number | SideOption;

/** Options of a CLIPImageProcessor, as they stand in preprocessor_config.json. */
export interface CLIPImageConfig extends PixelConfig {
  /** Whether images are resized. */
  readonly do_resize: boolean;
  /** The shorter side after resizing, or both sides. */
  readonly size: SizeOption;
  /** Whether the centre is cut out. */
  readonly do_center_crop: boolean;
  /** Size of what is cut out. */
  readonly crop_size: SizeOption;
  /** Whether images are brought to three channels. */
  readonly do_convert_rgb: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<CLIPImageConfig> = {
  do_resize: true,
  size: either(number, record<SideOption>)({ shortest_edge: 224 }),
  resample: oneOf(3, 0, 1, 2),
  do_center_crop: true,
  crop_size: either(number, record<SideOption>)({ height: 224, width: 224 }),
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  do_convert_rgb: true,
};

/** Height and width that an image is resized to. */
export function resizedTo(
  { size }: FrozenConfig<CLIPImageConfig>,
  from: { readonly height: number; readonly width: number },
): { readonly height: number; readonly width: number } {
  const { height, width, shortest_edge } = typeof size === "number"
    ? { shortest_edge: size } as {
      height?: number;
      width?: number;
      shortest_edge?: number;
    }
    : size;
  if (height !== undefined && width !== undefined) return { height, width };
  if (shortest_edge === undefined) {
    throw new TypeError(
      `Cannot resize images: "size" of preprocessor_config.json must have shortest_edge, or ` +
        `height and width, but is ${JSON.stringify(size)}`,
    );
  }
  const long = (side: number, short: number) => Math.trunc(shortest_edge * side / short);
  return from.width <= from.height
    ? { width: shortest_edge, height: long(from.height, from.width) }
    : { height: shortest_edge, width: long(from.width, from.height) };
}

/** Height and width of the part in the middle that is kept. */
export function croppedTo(
  { crop_size }: FrozenConfig<CLIPImageConfig>,
): { readonly height: number; readonly width: number } {
  if (typeof crop_size === "number") return { height: crop_size, width: crop_size };
  const { height, width } = crop_size;
  if (height !== undefined && width !== undefined) return { height, width };
  throw new TypeError(
    `Cannot crop images: "crop_size" of preprocessor_config.json must have height and width, ` +
      `but is ${JSON.stringify(crop_size)}`,
  );
}
