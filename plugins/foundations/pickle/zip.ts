import type { FileHandle } from "node:fs/promises";
import { readRange } from "@denoise/safetensors";

/** A file of an archive, and where it lies. */
export interface ZipEntry {
  /** Byte of the archive at which it starts: its own header, and of {@linkcode placeOf} its bytes. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly length: number;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
/** The longest list of files that is believed. */
const MOST_LIST = 2 ** 26;
const ALL_ONES = 0xffffffff;

/**
 * Reads which files an archive of torch has, by their names: those that are stored as they are, as torch writes all of
 * them.
 *
 * Source: APPNOTE.TXT of PKWARE, 4.3 and 4.5.3.
 *
 * @throws {SyntaxError} for what is no such archive.
 */
export async function readZip(
  file: FileHandle,
  size: number,
): Promise<ReadonlyMap<string, ZipEntry>> {
  const tail = Math.max(0, size - 22 - 0xffff);
  const bytes = await readRange(file, tail, size);
  const view = viewOf(bytes);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw new SyntaxError("its archive has no list of its files; is it cut short?");
  let length = view.getUint32(end + 12, true);
  let offset = view.getUint32(end + 16, true);
  const isLong = end >= 20 && view.getUint32(end - 20, true) === LOCATOR_64;
  if (isLong) {
    const record = viewOf(await within(file, Number(view.getBigUint64(end - 12, true)), 56, size));
    if (record.getUint32(0, true) !== END_64) throw new SyntaxError("its archive has no end");
    length = Number(record.getBigUint64(40, true));
    offset = Number(record.getBigUint64(48, true));
  }
  if (length > MOST_LIST) throw new SyntaxError(`the list of its files claims ${length} bytes`);
  return readEntries(await within(file, offset, length, size));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

async function within(
  file: FileHandle,
  offset: number,
  length: number,
  size: number,
): Promise<Uint8Array> {
  if (offset + length <= size) return await readRange(file, offset, offset + length);
  throw new SyntaxError(`its archive refers to byte ${offset + length}, and it has ${size}`);
}

function readEntries(bytes: Uint8Array): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY) {
      throw new SyntaxError("the list of its files is damaged");
    }
    const named = view.getUint16(at + 28, true);
    const extra = view.getUint16(at + 30, true);
    const from = at + 46 + named;
    const next = from + extra + view.getUint16(at + 32, true); // after a comment
    if (next > bytes.length) throw new SyntaxError("the list of its files is damaged");
    const name = new TextDecoder().decode(bytes.subarray(at + 46, from));
    const method = view.getUint16(at + 10, true);
    const isEncrypted = (view.getUint16(at + 8, true) & 1) === 1;
    if (method !== 0 || isEncrypted) {
      throw new SyntaxError(
        `${JSON.stringify(name)} in it is ${
          isEncrypted ? "encrypted" : "compressed"
        }; torch stores ` +
          "its files as they are",
      );
    }
    const long = longSizes(viewOf(bytes.subarray(from, from + extra)));
    const sized = (place: number) => {
      const value = view.getUint32(at + place, true);
      return value === ALL_ONES ? long.shift() ?? value : value;
    };
    const [length, , offset] = [sized(24), sized(20), sized(42)] as [number, number, number];
    if (entries.has(name)) throw new SyntaxError(`it has ${JSON.stringify(name)} twice`);
    entries.set(name, { offset, length });
    at = next;
  }
  return entries;
}

/** The sizes of 64 bits in an entry's extra field. */
function longSizes(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    const end = Math.min(extra.byteLength, at + 4 + length);
    if (id === 1) {
      const sizes: number[] = [];
      for (let i = at + 4; i + 8 <= end; i += 8) sizes.push(Number(extra.getBigUint64(i, true)));
      return sizes;
    }
    at = end;
  }
  return [];
}

/**
 * Where the bytes of an entry begin, after its own header.
 *
 * @throws {SyntaxError} when they lie outside the archive.
 */
export async function placeOf(
  file: FileHandle,
  { offset, length }: ZipEntry,
  size: number,
): Promise<ZipEntry> {
  const header = viewOf(await within(file, offset, 30, size));
  if (header.getUint32(0, true) !== LOCAL) {
    throw new SyntaxError("a file in its archive has no header");
  }
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (start + length <= size) return { offset: start, length };
  throw new SyntaxError(`its archive refers to byte ${start + length}, and it has ${size}`);
}
