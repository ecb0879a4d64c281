import type { StoredTensor } from "@denoise/safetensors";

/**
 * A weight [out, in] or [out, in, h, w] in 8 bits: `values` [h·w·in, out] times the scale of the column.
 * What it is multiplied with is quantized too.
 */
export interface Int8Weight {
  /** Tells it from the other kind. */
  readonly kind: "int8";
  /** int8 [h·w·in, out]; the places of a kernel lie apart, the channels of one side by side. */
  readonly values: StoredTensor;
  /** float32 [out]. */
  readonly scales: StoredTensor;
}

/**
 * A weight in blocks of few bits, as onnxruntime's MatMulNBits has it; a number is (value − zero) · scale
 * of its block and the block's offset.
 */
export interface BlockWeight {
  /** Tells it from the other kind. */
  readonly kind: "blocks";
  /** Bits of a value. */
  readonly bits: 4 | 8;
  /** How many numbers of a row make a block. */
  readonly blockSize: number;
  /** uint8 [out, blocks, bytes of a block]; of two values in a byte the first is the lower half. */
  readonly values: StoredTensor;
  /** float32 [out, blocks]. */
  readonly scales: StoredTensor;
  /** The value that means zero. Defaults to half the range. */
  readonly zero?: number | undefined;
  /** float32 [out, blocks]; none where all are 0. */
  readonly offsets?: StoredTensor | undefined;
  /** How many numbers a row has. */
  readonly width: number;
}

/** A weight that layers take in the place of a float one. */
export type QuantizedWeight = Int8Weight | BlockWeight;
