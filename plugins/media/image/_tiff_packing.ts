/**
 * Unpacks PackBits (TIFF 6.0, section 9): runs of a byte, and bytes as they are.
 *
 * @param size Bytes at which it stops.
 */
export function unpackBits(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let filled = 0;
  for (let at = 0; at < packed.length && filled < size;) {
    const count = packed[at++]!;
    if (count === 128) continue;
    if (count < 128) {
      const bytes = packed.subarray(at, Math.min(at + count + 1, at + size - filled));
      out.set(bytes, filled);
      filled += bytes.length;
      at += count + 1;
    } else {
      const end = Math.min(filled + 257 - count, size);
      out.fill(packed[at++] ?? 0, filled, end);
      filled = end;
    }
  }
  return out.subarray(0, filled);
}

const CLEAR = 256;
const END = 257;

/**
 * Unpacks LZW as TIFF has it (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest bit first, that
 * grow one code early.
 *
 * @param size Bytes at which it stops.
 */
export function unlzw(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  // Each code is a piece of what was written: the piece before it, and one byte more.
  const [starts, lengths] = [new Int32Array(4097), new Int32Array(4097)];
  let [filled, next, bits, buffer, held] = [0, 258, 9, 0, 0];
  for (let at = 0; filled < size;) {
    while (held < bits && at < packed.length) {
      buffer = (buffer << 8 | packed[at++]!) & 0xffffff;
      held += 8;
    }
    if (held < bits) break;
    const code = buffer >> held - bits & (1 << bits) - 1;
    held -= bits;
    if (code === END) break;
    if (code === CLEAR) {
      [next, bits] = [258, 9];
      continue;
    }
    if (code >= next) break;
    const start = filled;
    if (code < 256) out[filled++] = code;
    else {
      for (let i = 0; i < lengths[code]! && filled < size; i++) {
        out[filled++] = out[starts[code]! + i]!;
      }
    }
    // its last byte is the first one of the next code, which is not written yet
    if (next < 4096) {
      [starts[next], lengths[next]] = [start, filled - start + 1];
      next++;
    }
    if (next >= 1 << bits && bits < 12) bits++;
  }
  return out.subarray(0, filled);
}
