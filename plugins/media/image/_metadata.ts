import { Buffer } from "node:buffer";
import { concat, latin1, startsWith } from "./_bytes.ts";
import type { Header } from "./_header.ts";
import { inflate } from "./_inflate.ts";
import { jpegSegments } from "./_jpeg_segments.ts";
import { pngChunks } from "./_png_chunks.ts";
import { webpChunks } from "./_webp.ts";

/** What a file carries beside its pixels that can say how they are turned. */
export interface Metadata {
  /** A block of EXIF: a TIFF, maybe after `Exif\0\0`. */
  readonly exif?: Uint8Array | undefined;
  /** XMP, an XML. */
  readonly xmp?: string | undefined;
}

const XAP = "http://ns.adobe.com/xap/1.0/\0";

/** EXIF of several segments is one block; of XMP the last counts. */
export function jpegMetadata(bytes: Uint8Array): Metadata {
  const exif: Uint8Array[] = [];
  let xmp: string | undefined;
  for (const { marker, data } of jpegSegments(bytes)) {
    if (marker !== 0xe1) continue;
    if (startsWith(data, "Exif\0\0")) exif.push(exif.length === 0 ? data : data.subarray(6));
    else if (startsWith(data, XAP)) xmp = latin1(data.subarray(XAP.length));
  }
  return { exif: exif.length === 0 ? undefined : concat(exif), xmp };
}

/** The longest text that Pillow unpacks. */
const MAX_TEXT = 2 ** 20;

/** Keyword and text of a chunk tEXt, zTXt or iTXt. */
async function pngText(type: string, data: Uint8Array): Promise<[string, Uint8Array] | undefined> {
  const end = data.indexOf(0);
  if (end < 0) return undefined;
  const keyword = latin1(data.subarray(0, end));
  if (type === "tEXt") return [keyword, data.subarray(end + 1)];
  if (type === "zTXt") return [keyword, await inflate(data.subarray(end + 2), MAX_TEXT)];
  const translated = data.indexOf(0, data.indexOf(0, end + 3) + 1);
  if (translated < 0) return undefined;
  const text = data.subarray(translated + 1);
  return [keyword, data[end + 1] === 0 ? text : await inflate(text, MAX_TEXT)];
}

/** EXIF in its chunk, or in hexadecimal digits as ImageMagick writes it; the last counts. */
async function pngMetadata(bytes: Uint8Array): Promise<Metadata> {
  let exif: Uint8Array | undefined;
  let raw: Uint8Array | undefined;
  let xmp: string | undefined;
  for (const { type, data } of pngChunks(bytes)) {
    if (type === "eXIf") exif = data;
    if (!["tEXt", "zTXt", "iTXt"].includes(type)) continue;
    const [keyword, text] = await pngText(type, data) ?? [];
    if (text === undefined) continue;
    if (keyword === "exif" && type !== "iTXt") exif = text;
    if (keyword === "Raw profile type exif") raw = rawProfile(latin1(text));
    if (keyword === "XML:com.adobe.xmp") xmp = latin1(text);
  }
  return { exif: exif ?? raw, xmp };
}

/** A line of its name, one of its length, then the bytes in hexadecimal digits. */
function rawProfile(text: string): Uint8Array | undefined {
  const digits = text.split("\n").slice(3).join("").replace(/\s/g, "");
  return /^([\da-f]{2})*$/i.test(digits) ? new Uint8Array(Buffer.from(digits, "hex")) : undefined;
}

/** What the chunks of a WebP say. */
export function webpMetadata(bytes: Uint8Array): Metadata {
  const chunks = [...webpChunks(bytes)];
  const find = (wanted: string) => chunks.find(({ type }) => type === wanted)?.data;
  const xmp = find("XMP ");
  return { exif: find("EXIF"), xmp: xmp && latin1(xmp) };
}

/** EXIF and XMP of a file, where it has some. */
export async function readMetadata(
  bytes: Uint8Array,
  format: Header["format"],
): Promise<Metadata> {
  if (format === "jpeg") return jpegMetadata(bytes);
  if (format === "png") return await pngMetadata(bytes);
  if (format === "webp") return webpMetadata(bytes);
  return {};
}
