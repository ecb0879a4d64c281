import { startsWith } from "./_bytes.ts";

/** A field of a directory of TIFF or EXIF. */
export interface Field {
  /** Its type, by the number that TIFF 6.0 gives it. */
  readonly type: number;
  /** Its bytes, as they lie in the file. */
  readonly bytes: Uint8Array;
  /** Its values; texts and opaque bytes give their bytes. */
  readonly values: readonly number[];
}

/** A directory of TIFF or EXIF: its fields by tag, and how its file orders bytes. */
export interface Directory {
  readonly fields: ReadonlyMap<number, Field>;
  readonly isLittleEndian: boolean;
  /** Whether all of it lies within the bytes. */
  readonly isWhole: boolean;
}

type Reader = readonly [size: number, read: (v: DataView, at: number, le: boolean) => number];

const BYTE: Reader = [1, (v, at) => v.getUint8(at)];
const LONG: Reader = [4, (v, at, le) => v.getUint32(at, le)];
const LONG8: Reader = [8, (v, at, le) => Number(v.getBigUint64(at, le))];

/** How values of each type are read; other types are left out, as in Pillow. */
const TYPES: Readonly<Record<number, Reader>> = {
  1: BYTE,
  2: BYTE,
  3: [2, (v, at, le) => v.getUint16(at, le)],
  4: LONG,
  5: [8, (v, at, le) => v.getUint32(at, le) / v.getUint32(at + 4, le)],
  6: [1, (v, at) => v.getInt8(at)],
  7: BYTE,
  8: [2, (v, at, le) => v.getInt16(at, le)],
  9: [4, (v, at, le) => v.getInt32(at, le)],
  10: [8, (v, at, le) => v.getInt32(at, le) / v.getInt32(at + 4, le)],
  11: [4, (v, at, le) => v.getFloat32(at, le)],
  12: [8, (v, at, le) => v.getFloat64(at, le)],
  13: LONG,
  16: LONG8,
};

/** The starts of TIFF, as Pillow takes them; those with 43 are BigTIFF. */
const STARTS = ["II*\0", "MM\0*", "II\0*", "MM*\0", "II+\0", "MM\0+"];

/** Whether the bytes start as a TIFF does. */
export function isTiff(bytes: Uint8Array): boolean {
  return STARTS.some((start) => startsWith(bytes, start));
}

/**
 * The first directory of a TIFF, or of a block of EXIF, which is one, up to a field whose values lie
 * outside of the bytes; of a tag that comes twice the first is taken.
 */
export function readDirectory(bytes: Uint8Array): Directory | undefined {
  if (!isTiff(bytes)) return undefined;
  const isLittleEndian = bytes[0] === 0x49;
  const isBig = bytes[2] === 43 || bytes[3] === 43;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new Map<number, Field>();
  const [offset, counter, entry] = isBig ? [LONG8, LONG8, 20] : [LONG, TYPES[3]!, 12];
  const read = ([size, get]: Reader, at: number): number | undefined =>
    at + size <= bytes.length ? get(view, at, isLittleEndian) : undefined;
  const start = read(offset, isBig ? 8 : 4) ?? Infinity;
  const count = read(counter, start) ?? 0;
  let isWhole = start + counter[0] + entry * count <= bytes.length;
  for (let i = 0; i < count; i++) {
    const at = start + counter[0] + entry * i;
    if (at + entry > bytes.length) break;
    const [tag, type] = [
      view.getUint16(at, isLittleEndian),
      view.getUint16(at + 2, isLittleEndian),
    ];
    const reader = TYPES[type];
    const length = read(offset, at + 4)!;
    if (reader === undefined || fields.has(tag)) continue;
    const room = at + 4 + offset[0];
    const place = reader[0] * length <= offset[0] ? room : read(offset, room)!;
    if (length < 1 || reader[0] * length > bytes.length) continue;
    if (place + reader[0] * length > bytes.length) {
      isWhole = false;
      break; // as in Pillow what follows is lost, too
    }
    fields.set(tag, {
      type,
      bytes: bytes.subarray(place, place + reader[0] * length),
      get values(): number[] {
        return Array.from(
          { length },
          (_, n) => reader[1](view, place + reader[0] * n, isLittleEndian),
        );
      },
    });
  }
  return { fields, isLittleEndian, isWhole };
}
