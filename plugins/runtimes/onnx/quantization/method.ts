import type { Quantization, Quantizations } from "@denoise/core";

/** How a model's weights are quantized, options filled in. */
export type Method = { readonly kind: "int8" } | {
  readonly kind: "blocks";
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** What is multiplied is rounded to 8 bits, too, in blocks of the same size. Defaults to false. */
  readonly roundsInput?: boolean;
};

const BLOCK_SIZES = [16, 32, 64, 128, 256];
const BLOCK_SIZE = 64;

/**
 * What a quantization means for a model.
 *
 * @param isEncoder Text and image encoders keep what goes into their layers in float32, since a few
 *   large numbers of theirs would leave the others no levels: `"int8"` means blocks of 8 bits there.
 * @throws {RangeError} for one that there is not, with those that there are.
 */
export function methodOf(
  className: string,
  asked: Quantization | Quantizations,
  isEncoder: boolean,
): Method {
  if (asked === "int8") {
    return isEncoder ? { kind: "blocks", bits: 8, blockSize: BLOCK_SIZE } : { kind: "int8" };
  }
  if (asked === "int4") {
    return { kind: "blocks", bits: 4, blockSize: BLOCK_SIZE, roundsInput: !isEncoder };
  }
  const { bits, blockSize = BLOCK_SIZE, ...others } = Object(asked) as {
    readonly bits?: unknown;
    readonly blockSize?: unknown;
  };
  const isBits = bits === 4 || bits === 8;
  const isSize = typeof blockSize === "number" && BLOCK_SIZES.includes(blockSize);
  if (isBits && isSize && Object.keys(others).length === 0) {
    return { kind: "blocks", bits, blockSize };
  }
  throw new RangeError(
    `Cannot quantize ${className} with ${JSON.stringify(asked)}: quantization must be "int8", ` +
      `"int4" or { bits: 4 or 8, blockSize: ${BLOCK_SIZES.join(", ")} }`,
  );
}

/** Such as `"int8"` or `"4 bits in blocks of 64"`. */
export function describeMethod(method: Method): string {
  if (method.kind === "int8") return "int8";
  return `${method.bits} bits in blocks of ${method.blockSize}`;
}
