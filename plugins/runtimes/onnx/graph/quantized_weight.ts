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
  /** What it is multiplied with is rounded to 8 bits in blocks of the same size, where a device can. Defaults to false. */
  readonly roundsInput?: boolean | undefined;
}

/** A weight of 4 bits that stand for levels, as onnxruntime's MatMulBnb4 has it. */
export interface LevelWeight {
  /** Tells it from the other kinds. */
  readonly kind: "levels";
  /** Which levels: those of bitsandbytes' fp4 or nf4. */
  readonly levels: "fp4" | "nf4";
  /** How many numbers make a block. */
  readonly blockSize: number;
  /** uint8 [bytes]; of two values in a byte the first is the upper half. */
  readonly values: StoredTensor;
  /** float32 [blocks]. */
  readonly scales: StoredTensor;
  /** How many rows there are. */
  readonly height: number;
  /** How many numbers a row has. */
  readonly width: number;
}

/** A weight that layers take in the place of a float one. */
export type QuantizedWeight = Int8Weight | BlockWeight | LevelWeight;

/** The numbers that values of 4 bits stand for, as bitsandbytes and onnxruntime's MatMulBnb4 have them. */
export const LEVELS = {
  fp4: [1, -1].flatMap((sign) =>
    [
      0,
      0.0052083334885537624,
      0.6666666865348816,
      1,
      0.3333333432674408,
      0.5,
      0.1666666716337204,
      0.25,
    ].map((level) => sign * level)
  ),
  nf4: [
    -1,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1,
  ],
} as const;
