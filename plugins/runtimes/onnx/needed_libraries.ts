import { type FileHandle, open } from "node:fs/promises";
import { readRange } from "@denoise/safetensors";

/** Of an ELF file of 64 bits: where its segments are listed, and how long an entry is. */
const SEGMENTS = { at: 0x20, size: 0x36, count: 0x38 } as const;
const LOAD = 1;
const DYNAMIC = 2;
const NEEDED = 1n;
const STRINGS = 5n;

/**
 * The shared libraries that one of Linux says it needs (the NEEDED entries of its dynamic section), in
 * its own order. Its code is not read, so that it may be large.
 *
 * @throws {TypeError} when the file is no shared library of a 64-bit Linux.
 */
export async function neededLibraries(path: string): Promise<string[]> {
  await using file = await open(path);
  const head = await read(file, 0, 64);
  const isElf = head.byteLength === 64 && head.getUint32(0) === 0x7f454c46 &&
    head.getUint8(4) === 2;
  if (!isElf) throw new TypeError(`Cannot read ${path}: it is no shared library of a 64-bit Linux`);
  const size = head.getUint16(SEGMENTS.size, true);
  const count = head.getUint16(SEGMENTS.count, true);
  const table = await read(file, Number(head.getBigUint64(SEGMENTS.at, true)), size * count);
  const segments = Array.from({ length: count }, (_, i) => segment(table, i * size));
  const dynamic = segments.find(({ type }) => type === DYNAMIC);
  if (dynamic === undefined) return [];

  const entries = await read(file, dynamic.offset, dynamic.length);
  const values = (wanted: bigint) =>
    Array.from({ length: Math.floor(entries.byteLength / 16) }, (_, i) => i * 16)
      .filter((at) => entries.getBigUint64(at, true) === wanted)
      .map((at) => Number(entries.getBigUint64(at + 8, true)));
  const [strings] = values(STRINGS);
  const home = segments.find(({ type, address, length }) =>
    type === LOAD && strings !== undefined && strings >= address && strings < address + length
  );
  if (strings === undefined || home === undefined) return [];
  const start = strings - home.address + home.offset;
  const names: string[] = []; // one after the other, as a file has one position
  for (const offset of values(NEEDED)) names.push(await text(file, start + offset));
  return names;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly length: number;
}

function segment(table: DataView, at: number): Segment {
  const number = (offset: number) => Number(table.getBigUint64(at + offset, true));
  const [offset, address, length] = [number(8), number(16), number(32)];
  return { type: table.getUint32(at, true), offset, address, length };
}

/** Bytes of a file, fewer at its end. */
async function read(file: FileHandle, start: number, length: number): Promise<DataView> {
  const bytes = await readRange(file, start, start + length);
  return new DataView(bytes.buffer, 0, bytes.length);
}

/** A name that ends with a zero. */
async function text(file: FileHandle, start: number): Promise<string> {
  const view = await read(file, start, 256);
  const bytes = new Uint8Array(view.buffer, 0, view.byteLength);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
