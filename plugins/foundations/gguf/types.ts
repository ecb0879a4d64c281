/**
 * What the quantized types of ggml hold, after `gguf` 0.19.0 (gguf-py/gguf/quants.py of llama.cpp).
 *
 * @module
 */
/** A type whose numbers are values of few bits with a scale for each block. */
export type GgufType =
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

/** How a type's bytes are cut, and what it is unpacked to. */
export interface BlockType {
  /** Numbers that lie together in the file. */
  readonly numbers: number;
  /** Their bytes. */
  readonly bytes: number;
  /** How many of them share a scale. */
  readonly size: 16 | 32;
  /** Bits that their values need, 4 or 8. */
  readonly bits: 4 | 8;
  /** Whether blocks have offsets: a number is (value − zero) · scale + offset. */
  readonly hasOffsets: boolean;
  /** The value of zero: values are written near the middle of their bits, where products are exact. */
  readonly zero: number;
  /** Writes values, scales and offsets of one block of the file, which begins at `at`. */
  unpack(bytes: Uint8Array, at: number, out: Unpacked): void;
}

/** One block of a file, unpacked. */
export interface Unpacked {
  /** A value for each number. */
  readonly values: Uint8Array;
  /** A scale for each `size` numbers. */
  readonly scales: Float32Array;
  /** An offset for each `size` numbers, where the type has them. */
  readonly offsets: Float32Array;
}

const HALVES = new Float16Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);

function half(bytes: Uint8Array, at: number): number {
  return HALVES[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** Value i of 32 whose lower bits lie in 16 bytes, the first 16 in their lower halves. */
function nibble(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i & 15)]! >> (i & 16 ? 4 : 0)) & 15;
}

/** Blocks of 32: scale, offset if there is one, fifth bits if there are five, then lower bits. */
function plain(bits: 4 | 5, hasOffsets: boolean): BlockType {
  const high = hasOffsets ? 4 : 2;
  const low = bits === 5 ? high + 4 : high;
  const shift = bits === 5 ? 128 - 16 : 0;
  return {
    numbers: 32,
    bytes: low + 16,
    size: 32,
    bits: bits === 5 ? 8 : 4,
    hasOffsets,
    zero: hasOffsets ? shift : shift + 2 ** (bits - 1),
    unpack(bytes, at, { values, scales, offsets }) {
      scales[0] = half(bytes, at);
      if (hasOffsets) offsets[0] = half(bytes, at + 2);
      for (let i = 0; i < 32; i++) {
        const fifth = bits === 5 ? (bytes[at + high + (i >> 3)]! >> (i & 7)) & 1 : 0;
        values[i] = (nibble(bytes, at + low, i) | (fifth << 4)) + shift;
      }
    },
  };
}

/** Scale and minimum of the eight parts of Q4_K and Q5_K, six bits each in twelve bytes. */
function scaleAndMinimum(bytes: Uint8Array, at: number, part: number): [number, number] {
  const [d, m] = [bytes[at + (part & 3)]!, bytes[at + 4 + (part & 3)]!];
  if (part < 4) return [d & 63, m & 63];
  const both = bytes[at + 8 + (part & 3)]!;
  return [(both & 15) | ((d >> 2) & 48), (both >> 4) | ((m >> 2) & 48)];
}

/** Q4_K and Q5_K: 256 numbers in eight parts. */
function eightParts(bits: 4 | 5): BlockType {
  const low = bits === 5 ? 16 + 32 : 16;
  const shift = bits === 5 ? 128 - 16 : 0;
  return {
    numbers: 256,
    bytes: low + 128,
    size: 32,
    bits: bits === 5 ? 8 : 4,
    hasOffsets: true,
    zero: shift,
    unpack(bytes, at, { values, scales, offsets }) {
      const [d, least] = [half(bytes, at), half(bytes, at + 2)];
      for (let part = 0; part < 8; part++) {
        const [scale, minimum] = scaleAndMinimum(bytes, at + 4, part);
        scales[part] = d * scale;
        offsets[part] = -Math.fround(least * minimum);
        for (let i = 0; i < 32; i++) {
          const lower = (bytes[at + low + (part >> 1) * 32 + i]! >> (4 * (part & 1))) & 15;
          const fifth = bits === 5 ? (bytes[at + 16 + i]! >> part) & 1 : 0;
          values[part * 32 + i] = (lower | (fifth << 4)) + shift;
        }
      }
    },
  };
}

/** Two bits of number i of 256, four numbers that are 32 apart in a byte. */
function twoBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i >> 7) * 32 + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
}

/** The types that are read, by name. */
export const BLOCK_TYPES: Readonly<Record<GgufType, BlockType>> = {
  Q4_0: plain(4, false),
  Q4_1: plain(4, true),
  Q5_0: plain(5, false),
  Q5_1: plain(5, true),
  Q8_0: {
    numbers: 32,
    bytes: 34,
    size: 32,
    bits: 8,
    hasOffsets: false,
    zero: 128,
    unpack(bytes, at, { values, scales }) {
      scales[0] = half(bytes, at);
      for (let i = 0; i < 32; i++) values[i] = bytes[at + 2 + i]! ^ 128; // int8 + 128
    },
  },
  Q2_K: {
    numbers: 256,
    bytes: 84,
    size: 16,
    bits: 4,
    hasOffsets: true,
    zero: 7,
    unpack(bytes, at, { values, scales, offsets }) {
      const [d, least] = [half(bytes, at + 80), half(bytes, at + 82)];
      for (let part = 0; part < 16; part++) {
        scales[part] = d * (bytes[at + part]! & 15);
        offsets[part] = -Math.fround(least * (bytes[at + part]! >> 4));
      }
      for (let i = 0; i < 256; i++) values[i] = twoBits(bytes, at + 16, i) + 7;
    },
  },
  Q3_K: {
    numbers: 256,
    bytes: 110,
    size: 16,
    bits: 4,
    hasOffsets: false,
    zero: 8,
    unpack(bytes, at, { values, scales }) {
      const d = half(bytes, at + 108);
      for (let part = 0; part < 16; part++) {
        const low = (bytes[at + 96 + (part & 7)]! >> (4 * (part >> 3))) & 15;
        const high = (bytes[at + 104 + (part & 3)]! >> (2 * (part >> 2))) & 3;
        scales[part] = d * ((low | (high << 4)) - 32);
      }
      for (let i = 0; i < 256; i++) {
        const third = (bytes[at + (i & 31)]! >> (i >> 5)) & 1;
        values[i] = twoBits(bytes, at + 32, i) + (third === 1 ? 8 : 4);
      }
    },
  },
  Q4_K: eightParts(4),
  Q5_K: eightParts(5),
  Q6_K: {
    numbers: 256,
    bytes: 210,
    size: 16,
    bits: 8,
    hasOffsets: false,
    zero: 128,
    unpack(bytes, at, { values, scales }) {
      const d = half(bytes, at + 208);
      for (let part = 0; part < 16; part++) {
        scales[part] = d * ((bytes[at + 192 + part]! << 24) >> 24); // int8
      }
      for (let i = 0; i < 256; i++) {
        const low = (bytes[at + (i >> 7) * 64 + (i & 63)]! >> (4 * ((i >> 6) & 1))) & 15;
        values[i] = (low | (twoBits(bytes, at + 128, i) << 4)) + 128 - 32;
      }
    },
  },
};

/** Room for one unpacked block. */
export function unpacked({ numbers, size }: BlockType): Unpacked {
  return {
    values: new Uint8Array(numbers),
    scales: new Float32Array(numbers / size),
    offsets: new Float32Array(numbers / size),
  };
}

/** The numbers of a quantized tensor, bit for bit those of ggml. */
export function decodeGguf(type: GgufType, bytes: Uint8Array): Float32Array {
  const block = BLOCK_TYPES[type];
  const { size, hasOffsets, zero } = block;
  const count = bytes.length / block.bytes;
  const out = new Float32Array(count * block.numbers);
  const { values, scales, offsets } = unpacked(block);
  for (let n = 0; n < count; n++) {
    block.unpack(bytes, n * block.bytes, { values, scales, offsets });
    for (let i = 0; i < values.length; i++) {
      const part = Math.floor(i / size);
      out[n * values.length + i] = Math.fround((values[i]! - zero) * scales[part]!) +
        (hasOffsets ? offsets[part]! : 0);
    }
  }
  return out;
}
