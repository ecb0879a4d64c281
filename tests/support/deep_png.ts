/**
 * Reads grey PNG files of 16 bits, which image viewers show in 8.
 *
 * @module
 */
import { unzlibSync } from "fflate";

/** The samples of a grey PNG of 16 bits, row by row; undefined for other PNG files. */
export function deepSamplesOf(file: Uint8Array): Uint16Array | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file[24] !== 16) return undefined;
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const packed: number[] = [];
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (type === "IDAT") packed.push(...file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = unzlibSync(Uint8Array.from(packed));
  const stride = 2 * width;
  const bytes = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)]!;
    for (let x = 0; x < stride; x++) {
      const left = x < 2 ? 0 : bytes[y * stride + x - 2]!;
      const up = y === 0 ? 0 : bytes[(y - 1) * stride + x]!;
      const corner = x < 2 || y === 0 ? 0 : bytes[(y - 1) * stride + x - 2]!;
      const guesses = [0, left, up, (left + up) >> 1, nearest(left, up, corner)];
      bytes[y * stride + x] = rows[y * (stride + 1) + 1 + x]! + guesses[filter]!;
    }
  }
  const samples = new DataView(bytes.buffer);
  return Uint16Array.from({ length: width * height }, (_, i) => samples.getUint16(2 * i));
}

/** Of left, up and corner the one nearest to left + up - corner (PNG specification, 9.4). */
function nearest(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  return [left, up, corner].reduce((best, one) =>
    Math.abs(guess - one) < Math.abs(guess - best) ? one : best
  );
}
