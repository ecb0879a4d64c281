import { type CallOptions, Tensor } from "@denoise/core";
import type { XlTextUNet } from "./xl_components.ts";

/** Height and width, or row and column. */
export type XlSize = readonly [height: number, width: number];

/** The sizes that Stable Diffusion XL is conditioned on (section 2.2 of arXiv:2307.01952). */
export interface XlSizeOptions {
  /** How large the image is to look as if it had been. Defaults to its own size. */
  readonly originalSize?: XlSize | undefined;
  /** Where it is to look cut off, from the top left. Defaults to [0, 0]. */
  readonly cropsCoordsTopLeft?: XlSize | undefined;
  /** The size it is for. Defaults to its own. */
  readonly targetSize?: XlSize | undefined;
  /** The same for what the image should not look like. As above by default. */
  readonly negativeOriginalSize?: XlSize | undefined;
  /** The same for what the image should not look like. Defaults to [0, 0]. */
  readonly negativeCropsCoordsTopLeft?: XlSize | undefined;
  /** The same for what the image should not look like. As above by default. */
  readonly negativeTargetSize?: XlSize | undefined;
}

/** The declarations of {@linkcode XlSizeOptions}. */
export const xlSizeOptions: CallOptions<XlSizeOptions> = {
  originalSize: { type: "number", list: "required" },
  cropsCoordsTopLeft: { type: "number", list: "required" },
  targetSize: { type: "number", list: "required" },
  negativeOriginalSize: { type: "number", list: "required" },
  negativeCropsCoordsTopLeft: { type: "number", list: "required" },
  negativeTargetSize: { type: "number", list: "required" },
};

/** How good the image is to look, which the refiner is conditioned on instead of the target size. */
export interface XlAestheticOptions {
  /** Of the image, about 1..10. Defaults to 6. */
  readonly aestheticScore?: number | undefined;
  /** Of what the image should not look like. Defaults to 2.5. */
  readonly negativeAestheticScore?: number | undefined;
}

/** The declarations of {@linkcode XlAestheticOptions}. */
export const xlAestheticOptions: CallOptions<XlAestheticOptions> = {
  aestheticScore: { type: "number" },
  negativeAestheticScore: { type: "number" },
};

/** Sizes or scores of the negative text and of the text. */
export interface XlTimeIds {
  /** Five or six numbers. */
  readonly negative: readonly number[];
  /** As many. */
  readonly positive: readonly number[];
}

const TOP_LEFT: XlSize = [0, 0];

/** The conditioning of text to image: negative sizes count when both are given. */
export function textTimeIds(options: XlSizeOptions, own: XlSize): XlTimeIds {
  const { originalSize = own, targetSize = own, cropsCoordsTopLeft = TOP_LEFT } = options;
  const { negativeOriginalSize, negativeTargetSize, negativeCropsCoordsTopLeft = TOP_LEFT } =
    options;
  const positive = [...originalSize, ...cropsCoordsTopLeft, ...targetSize];
  const negative = negativeOriginalSize === undefined || negativeTargetSize === undefined
    ? positive
    : [...negativeOriginalSize, ...negativeCropsCoordsTopLeft, ...negativeTargetSize];
  return { negative, positive };
}

/**
 * The conditioning of image to image and inpainting: sizes, or for a model that `requiresScore` original
 * size, crop and aesthetic score. As in diffusers the negative sizes go with the crop of the text.
 */
export function imageTimeIds(
  options: XlSizeOptions & XlAestheticOptions,
  own: XlSize,
  requiresScore: boolean,
): XlTimeIds {
  const { originalSize = own, targetSize = own, cropsCoordsTopLeft = TOP_LEFT } = options;
  const { negativeOriginalSize = originalSize, negativeTargetSize = targetSize } = options;
  const { aestheticScore = 6, negativeAestheticScore = 2.5 } = options;
  const { negativeCropsCoordsTopLeft = TOP_LEFT } = options;
  return requiresScore
    ? {
      positive: [...originalSize, ...cropsCoordsTopLeft, aestheticScore],
      negative: [...negativeOriginalSize, ...negativeCropsCoordsTopLeft, negativeAestheticScore],
    }
    : {
      positive: [...originalSize, ...cropsCoordsTopLeft, ...targetSize],
      negative: [...negativeOriginalSize, ...cropsCoordsTopLeft, ...negativeTargetSize],
    };
}

/**
 * Checks that the denoiser was made for that many numbers and that pooled text.
 *
 * @throws {RangeError} when it was not, as for a refiner in a pipeline that gives no scores.
 */
export function checkTimeIds(
  { unet }: { readonly unet: XlTextUNet },
  { positive }: XlTimeIds,
  pooled: Tensor,
): void {
  const { addition_time_embed_dim, projection_class_embeddings_input_dim } = unet.config;
  const width = addition_time_embed_dim! * positive.length + pooled.dims[1]!;
  if (width === projection_class_embeddings_input_dim) return;
  const off = (projection_class_embeddings_input_dim! - width) / addition_time_embed_dim!;
  const advice = Math.abs(off) === 1
    ? `set requires_aesthetics_score in model_index.json to ${off < 0}`
    : "its config does not fit text_encoder_2";
  throw new RangeError(
    `Cannot tell the UNet of ${positive.length} sizes and a pooled text of width ` +
      `${
        pooled.dims[1]
      }: it takes an embedding of width ${projection_class_embeddings_input_dim}, ` +
      `not ${width}; ${advice}`,
  );
}

/** The numbers as rows, float32 [N, 5 or 6]. */
export function timeIdRows(ids: readonly number[], count: number): Tensor {
  return Tensor.from(Float32Array.from(ids), [1, ids.length]).repeat([count, 1]);
}
