import { latin1, startsWith, viewOf } from "./_bytes.ts";

/** One box of the ISO base media file format (ISO/IEC 14496-12). */
interface Box {
  readonly type: string;
  readonly data: Uint8Array;
}

function* boxes(bytes: Uint8Array, start = 0): Generator<Box, void> {
  const view = viewOf(bytes);
  for (let at = start; at + 8 <= bytes.length;) {
    const short = view.getUint32(at);
    const isLong = short === 1 && at + 16 <= bytes.length;
    const size = isLong
      ? Number(view.getBigUint64(at + 8))
      : short === 0
      ? bytes.length - at
      : short;
    const head = isLong ? 16 : 8;
    if (size < head || at + size > bytes.length) return;
    yield {
      type: latin1(bytes.subarray(at + 4, at + 8)),
      data: bytes.subarray(at + head, at + size),
    };
    at += size;
  }
}

function find(list: Iterable<Box>, type: string): Uint8Array | undefined {
  for (const box of list) if (box.type === type) return box.data;
  return undefined;
}

/** Reads big-endian numbers one after the other; 0 after the end. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  uint(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at++] ?? 0);
    return value;
  }

  /** A text up to a zero. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = latin1(this.#bytes.subarray(this.#at, end < 0 ? undefined : end));
    this.#at += text.length + 1;
    return text;
  }
}

interface Item {
  readonly id: number;
  readonly type: string;
  readonly contentType: string;
}

/** The items of box iinf. */
function itemsOf(meta: readonly Box[]): readonly Item[] {
  const data = find(meta, "iinf");
  if (data === undefined) return [];
  return [...boxes(data, data[0] === 0 ? 6 : 8)].filter(({ type }) => type === "infe")
    .map(({ data }) => {
      const cursor = new Cursor(data, 4);
      const id = cursor.uint(data[0]! >= 3 ? 4 : 2);
      cursor.uint(2);
      const type = String.fromCharCode(...[1, 2, 3, 4].map(() => cursor.uint(1)));
      cursor.text();
      return { id, type, contentType: type === "mime" ? cursor.text() : "" };
    });
}

/** The properties of each item, by boxes ipco and ipma. */
function propertiesOf(meta: readonly Box[]): ReadonlyMap<number, readonly Box[]> {
  const iprp = [...boxes(find(meta, "iprp") ?? new Uint8Array())];
  const all = [...boxes(find(iprp, "ipco") ?? new Uint8Array())];
  const found = new Map<number, readonly Box[]>();
  for (const { data } of iprp.filter(({ type }) => type === "ipma")) {
    const cursor = new Cursor(data, 4);
    const [idSize, indexSize] = [data[0]! < 1 ? 2 : 4, data[3]! & 1 ? 2 : 1];
    for (let left = Math.min(cursor.uint(4), data.length); left > 0; left--) {
      const id = cursor.uint(idSize);
      const indexes = Array.from(
        { length: cursor.uint(1) },
        () => cursor.uint(indexSize) & (indexSize === 2 ? 0x7fff : 0x7f),
      );
      found.set(id, indexes.flatMap((index) => all[index - 1] ?? []));
    }
  }
  return found;
}

/** The bytes of an item that box iloc says to lie in one piece in the file. */
function contentOf(file: Uint8Array, meta: readonly Box[], wanted: number): Uint8Array | undefined {
  const data = find(meta, "iloc");
  if (data === undefined) return undefined;
  const version = data[0]!;
  const cursor = new Cursor(data, 4);
  const sizes = cursor.uint(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15];
  const indexSize = version === 0 ? 0 : sizes & 15;
  for (let left = cursor.uint(version < 2 ? 2 : 4); left > 0 && left < 10_000; left--) {
    const id = cursor.uint(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : cursor.uint(2) & 15;
    cursor.uint(2);
    const base = cursor.uint(baseSize);
    const extents = Array.from({ length: cursor.uint(2) }, () => {
      cursor.uint(indexSize);
      return { offset: base + cursor.uint(offsetSize), length: cursor.uint(lengthSize) };
    });
    if (id !== wanted || method !== 0 || extents.length !== 1) continue;
    const [{ offset, length }] = extents as [{ offset: number; length: number }];
    return file.subarray(offset, offset + length);
  }
  return undefined;
}

/** What an AVIF says about its image. */
export interface AvifHeader {
  /** Pixels of the image. */
  readonly width: number;
  readonly height: number;
  /** The most pixels of any item: parts of a grid, thumbnails, alpha. */
  readonly maxPixels: number;
  /** 1 (grey), 3 or 4. */
  readonly channels: number;
  /** How it is turned, as EXIF counts it, by boxes irot and imir. */
  readonly orientation: number;
  /** Blocks of EXIF and XMP. */
  readonly exif?: Uint8Array | undefined;
  readonly xmp?: string | undefined;
}

/** Whether the bytes start as an AVIF, still or animated, does. */
export function isAvif(bytes: Uint8Array): boolean {
  return startsWith(bytes, "ftyp", 4) &&
    /avi[fs]/.test(latin1(bytes.subarray(8, brandsEnd(bytes))));
}

function brandsEnd(bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : Math.min(viewOf(bytes).getUint32(0), 256);
}

/** Boxes irot (turns against the clock) and imir as one orientation of EXIF, as Pillow counts them. */
function orientationOf(angle: number, mirror: number | undefined): number {
  const turned = [1, 8, 3, 6][angle]!;
  if (mirror === undefined) return turned;
  return [[4, 2], [5, 7], [2, 4], [7, 5]][angle]![mirror]!;
}

/**
 * Reads the boxes of an AVIF without decoding anything.
 *
 * @throws {SyntaxError} when it holds no still image, or is cut off.
 */
export function readAvif(bytes: Uint8Array): AvifHeader {
  const top = [...boxes(bytes)];
  const holder = find(top, "meta");
  const meta = holder === undefined ? [] : [...boxes(holder, 4)];
  const pitm = find(meta, "pitm");
  const primary = pitm === undefined ? undefined : new Cursor(pitm, 4).uint(pitm[0] === 0 ? 2 : 4);
  const properties = propertiesOf(meta);
  const own = properties.get(primary ?? -1) ?? [];
  const size = find(own, "ispe");
  if (size === undefined) {
    throw new SyntaxError(
      "Cannot read the AVIF: it is cut off, or holds no still image with a size",
    );
  }
  const sizeOf = (ispe: Uint8Array): [number, number] => {
    const cursor = new Cursor(ispe, 4);
    return [cursor.uint(4), cursor.uint(4)];
  };
  const everything = [...properties.values()].flat();
  const pixels = everything.filter(({ type }) => type === "ispe")
    .map(({ data }) => sizeOf(data).reduce((a, b) => a * b));
  const hasAlpha = everything.some(({ type, data }) =>
    type === "auxC" && /:alpha|auxid:1/.test(latin1(data))
  );
  const isGrey = ((find(own, "av1C")?.[2] ?? 0) & 0x10) !== 0;
  const [width, height] = sizeOf(size);
  const items = itemsOf(meta);
  const content = (of: (item: Item) => boolean): Uint8Array | undefined => {
    const item = items.find(of);
    return item && contentOf(bytes, meta, item.id);
  };
  const xmp = content(({ contentType }) => contentType === "application/rdf+xml");
  const mirror = find(own, "imir")?.[0];
  return {
    width,
    height,
    maxPixels: Math.max(...pixels),
    channels: hasAlpha ? 4 : isGrey ? 1 : 3,
    orientation: orientationOf((find(own, "irot")?.[0] ?? 0) & 3, mirror && mirror & 1),
    exif: content(({ type }) => type === "Exif")?.subarray(4),
    xmp: xmp && latin1(xmp),
  };
}
