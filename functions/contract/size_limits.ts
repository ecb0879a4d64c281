import type { CallOption } from "@denoise/core";
import type { JobInput } from "./job.ts";
import type { Limits } from "./limits.ts";
import type { ModelInfo } from "./model_info.ts";
import type { PlainValue } from "./own_options.ts";

/** What the sides of images and the length of audio may be. */
export type SizeLimits =
  & Pick<Limits, "maxSide" | "maxPixels" | "maxImages">
  & Partial<Pick<Limits, "maxSeconds">>
  & {
    /** Width times height times images that the key of a request may ask for; any by default. */
    readonly keyPixels?: number | undefined;
  };

/** An area that any model can draw: pixels are counted in it where a model's own is smaller. */
const SMALLEST_AREA = 256 * 256;
/** How much larger than the model's own area an image can be. */
const TIMES_OWN = 4;

/** Pixels of one image, and of all images of a run, that a model may be asked for. */
export function pixelLimits(
  { width, height }: Pick<ModelInfo, "width" | "height">,
  { maxPixels, maxImages, keyPixels = Infinity }: SizeLimits,
): { readonly image: number; readonly run: number } {
  if (maxPixels !== undefined) {
    const all = Math.min(maxPixels, keyPixels);
    return { image: all, run: all };
  }
  const own = Math.max(SMALLEST_AREA, width * height);
  return {
    image: Math.min(TIMES_OWN * own, keyPixels),
    run: Math.min(Math.max(TIMES_OWN, maxImages) * own, keyPixels),
  };
}

/** Seconds that any model can make: they are counted so where a model's own are fewer, or not known. */
const SHORTEST_LIMIT = 10;

/** Seconds of one audio clip that a model may be asked for. */
export function longestAudio(
  { seconds = SHORTEST_LIMIT }: Pick<ModelInfo, "seconds">,
  { maxSeconds }: Pick<SizeLimits, "maxSeconds">,
): number {
  return maxSeconds ?? TIMES_OWN * Math.max(SHORTEST_LIMIT, seconds);
}

/** How many images a run computes: options of the model's pipeline can ask for several of each one that is made. */
export function computedImages(
  { count, options: given = {} }: Pick<JobInput, "count" | "options">,
  { options = {} }: Pick<ModelInfo, "options">,
): number {
  return Object.values(options)
    .filter(({ option }) => option.cost === "images")
    .map(({ name, option, standard }) => imagesOf(given[name] ?? standard, option))
    .reduce((all, each) => all * Math.max(1, each), count);
}

/** How many there are by an option: a number of them, or what each is of. */
function imagesOf(value: PlainValue | undefined, { type }: CallOption): number {
  if (Array.isArray(value)) return value.length;
  return type === "integer" && value !== undefined ? Number(value) : 1;
}

/**
 * Why a model does not draw so many images of that size, however the size was given; undefined where
 * it does.
 */
export function sizeProblem(
  size: { readonly width: number; readonly height: number; readonly count: number },
  model: Pick<ModelInfo, "width" | "height">,
  limits: SizeLimits,
): string | undefined {
  const { width, height, count } = size;
  const { maxSide } = limits;
  const asked = `Cannot make ${count === 1 ? "an image" : `${count} images`} of ${width}x${height}`;
  if (Math.max(width, height) > maxSide) return `${asked}: a side can be ${maxSide} at most`;
  const { image, run } = pixelLimits(model, limits);
  const whose = (most: number): string =>
    `${most} at most with this ${most === limits.keyPixels ? "key" : "model"}`;
  if (width * height > image) return `${asked}: width times height can be ${whose(image)}`;
  if (width * height * count <= run) return undefined;
  return `${asked}: width times height times images can be ${whose(run)}`;
}
