import type { Recipe } from "@denoise/core";
import { concat } from "./_bytes.ts";
import { readDirectory } from "./_ifd.ts";
import { bitstreamOf, webpChunks } from "./_webp.ts";

const DESCRIPTION = 0x010e;
const EXIF_DIRECTORY = 0x8769;
const USER_COMMENT = 0x9286;

/** A segment of a JPEG holds at most so many bytes beside its length. */
const SEGMENT = 65_533;

/** One field of a directory: tag, type of TIFF, bytes. */
type Entry = readonly [tag: number, type: number, bytes: Uint8Array];

const LONG = 4;

function long(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** A directory that lies at a place, in the order of bytes "MM", with the values that do not fit behind it. */
function directory(entries: readonly Entry[], at: number): Uint8Array {
  const head = new Uint8Array(2 + 12 * entries.length + 4);
  const view = new DataView(head.buffer);
  view.setUint16(0, entries.length);
  const behind: Uint8Array[] = [];
  let offset = at + head.length;
  for (const [i, [tag, type, bytes]] of entries.entries()) {
    const place = 2 + 12 * i;
    view.setUint16(place, tag);
    view.setUint16(place + 2, type);
    view.setUint32(place + 4, type === LONG ? bytes.length / 4 : bytes.length);
    if (bytes.length <= 4) head.set(bytes, place + 8);
    else {
      view.setUint32(place + 8, offset);
      behind.push(bytes);
      offset += bytes.length;
    }
  }
  return concat([head, ...behind]);
}

/** EXIF with a text for programs in its description, and one for people as the comment that A1111 writes. */
function exifOf(description: string, comment: string | undefined): Uint8Array {
  const ascii = new TextEncoder().encode(`${description}\0`);
  const entries: Entry[] = [[DESCRIPTION, 2, ascii]];
  const start = concat([new TextEncoder().encode("MM"), Uint8Array.of(0, 42), long(8)]);
  if (comment === undefined) return concat([start, directory(entries, 8)]);
  const units = Uint8Array.from(
    comment.split("").flatMap((unit) => {
      const code = unit.charCodeAt(0);
      return [code >> 8, code & 255];
    }),
  );
  const user: Entry = [USER_COMMENT, 7, concat([new TextEncoder().encode("UNICODE\0"), units])];
  const first = directory([...entries, [EXIF_DIRECTORY, LONG, long(0)]], 8);
  const second = 8 + first.length;
  return concat([
    start,
    directory([...entries, [EXIF_DIRECTORY, LONG, long(second)]], 8),
    directory([user], second),
  ]);
}

/** A JPEG with texts in EXIF: the first is ASCII; what does not fit into a segment is left out. */
export function jpegWithTexts(
  jpeg: Uint8Array,
  description: string,
  comment: string,
): Uint8Array {
  const exif = [exifOf(description, comment), exifOf(description, undefined)]
    .find(({ length }) => length + 6 <= SEGMENT);
  if (exif === undefined) return jpeg;
  const length = exif.length + 8;
  const head = Uint8Array.of(0xff, 0xe1, length >> 8, length & 255);
  const name = new TextEncoder().encode("Exif\0\0");
  // behind the start and the JFIF segment, which stands first where there is one
  const at = jpeg[2] === 0xff && jpeg[3] === 0xe0 ? 4 + (jpeg[4]! << 8 | jpeg[5]!) : 2;
  return concat([jpeg.subarray(0, at), head, name, exif, jpeg.subarray(at)]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, data.length, true);
  const pad = new Uint8Array(data.length % 2);
  return concat([new TextEncoder().encode(type), size, data, pad]);
}

/** A WebP of one image with texts in EXIF, as {@linkcode jpegWithTexts}. */
export function webpWithTexts(
  webp: Uint8Array,
  description: string,
  comment: string,
): Uint8Array {
  const chunks = [...webpChunks(webp)].filter(({ type }) => type !== "VP8X");
  const image = chunks.map(bitstreamOf).find((found) => found !== undefined)!;
  const hasAlpha = image.hasAlpha || chunks.some(({ type }) => type === "ALPH");
  const extended = new Uint8Array(10);
  extended[0] = 0x08 | (hasAlpha ? 0x10 : 0); // EXIF, alpha
  const view = new DataView(extended.buffer);
  view.setUint16(4, (image.width - 1) & 0xffff, true);
  extended[6] = (image.width - 1) >> 16;
  view.setUint16(7, (image.height - 1) & 0xffff, true);
  extended[9] = (image.height - 1) >> 16;
  const body = concat([
    new TextEncoder().encode("WEBP"),
    chunk("VP8X", extended),
    ...chunks.map(({ type, data }) => chunk(type, data)),
    chunk("EXIF", exifOf(description, comment)),
  ]);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, body.length, true);
  return concat([new TextEncoder().encode("RIFF"), size, body]);
}

/** The description in EXIF, where it is a recipe of ours. */
export function recipeInExif(exif: Uint8Array | undefined): Recipe | undefined {
  if (exif === undefined) return undefined;
  const start = new TextDecoder().decode(exif.subarray(0, 6)) === "Exif\0\0" ? 6 : 0;
  const bytes = readDirectory(exif.subarray(start))?.fields.get(DESCRIPTION)?.bytes;
  return bytes && parseRecipe(new TextDecoder().decode(bytes).replace(/\0+$/, ""));
}

/** A text as a recipe; undefined for what is none. */
export function parseRecipe(text: string): Recipe | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Recipe : undefined;
  } catch {
    return undefined;
  }
}
