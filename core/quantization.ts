import { type CallOptions, checkOptions } from "./call_options.ts";

/**
 * How the weights of a model are made smaller when it is loaded.
 *
 * - `"int8"`: weights and what they are multiplied with have 8 bits, for speed: weights once, with a scale
 *   for each row, activations at each call, with a scale for the tensor, or for 64 numbers in layers
 *   whose inputs are not normalized. Small layers stay in float32.
 * - `"int4"`: weights have 4 bits, 64 of them with a scale, for memory; what they are multiplied with is rounded
 *   to 8 bits, 64 numbers with a scale, on CPUs with VNNI or AMX, which are faster so (in text and image encoders it is not).
 * - `{ bits, blockSize }`: weights of 4 or 8 bits with a scale for each 16, 32, 64, 128 or 256 of them, which
 *   are multiplied in float32. Defaults to 64.
 *
 * @category Loading
 */
export type Quantization = "int8" | "int4" | {
  /** Bits of a weight. */
  readonly bits: 4 | 8;
  /** How many weights of a row share a scale: 16, 32, 64, 128 or 256. Defaults to 64. */
  readonly blockSize?: number | undefined;
};

/** A quantization for each component of a pipeline, by its role such as `unet` or `textEncoder`. */
export type Quantizations = { readonly [role: string]: Quantization | undefined };

/** What a component of a pipeline is quantized with: what was asked for all, or for its role. */
export function quantizationOf(
  asked: Quantization | Quantizations | undefined,
  role: string,
): Quantization | undefined {
  return asked === undefined || isQuantization(asked) ? asked : asked[role];
}

/** Makes sure that a quantization by roles names roles of the pipeline. */
export function checkQuantizations(
  className: string,
  asked: Quantization | Quantizations | undefined,
  roles: CallOptions<Quantizations>,
): void {
  if (asked === undefined || isQuantization(asked)) return;
  checkOptions(`quantize the models of ${className}`, asked, roles);
}

function isQuantization(asked: Quantization | Quantizations): asked is Quantization {
  return typeof asked !== "object" || Object.hasOwn(asked, "bits");
}
