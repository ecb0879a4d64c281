import { concat } from "./_bytes.ts";

/**
 * Unpacks zlib up to a number of bytes, so that a small file cannot fill the memory. Bytes after the
 * end of the stream are left aside; what is broken gives what came before.
 *
 * @param maxBytes Where unpacking stops.
 */
export async function inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const packed = new Blob([bytes.slice()]).stream();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of packed.pipeThrough(new DecompressionStream("deflate"))) {
      parts.push(part);
      length += part.length;
      if (length >= maxBytes) break;
    }
  } catch {
    // whoever asked knows how many bytes there must be
  }
  return concat(parts).subarray(0, maxBytes);
}
