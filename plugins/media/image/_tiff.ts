/**
 * TIFF 6.0, its first image. Own code because what unpacks strips must stop at the bytes that a strip
 * has: libraries unpack whatever a few kilobytes ask for.
 *
 * @module
 */
import { concat, viewOf } from "./_bytes.ts";
import { type Directory, readDirectory } from "./_ifd.ts";
import { inflate } from "./_inflate.ts";
import { jpegFrame } from "./_jpeg_segments.ts";
import { decodeByLibjpeg } from "./_libjpeg.ts";
import { unlzw, unpackBits } from "./_tiff_packing.ts";
import { unpremultiply } from "./_alpha.ts";
import { DenoiseImage } from "./image.ts";

/** Tags of TIFF 6.0. */
const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  stripCounts: 279,
  planes: 284,
  predictor: 317,
  palette: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileCounts: 325,
  extra: 338,
  sampleFormat: 339,
  jpegTables: 347,
  subsampling: 530,
  xmp: 700,
} as const;

/** Ways to pack that are not read, to name them. */
const PACKINGS: Readonly<Record<number, string>> = {
  2: "CCITT runs",
  3: "CCITT group 3",
  4: "CCITT group 4",
  6: "JPEG as of 1992",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
};

/** What a TIFF says about its first image. */
export interface TiffHeader {
  readonly width: number;
  readonly height: number;
  /** 1 (grey), 3 or 4. */
  readonly channels: number;
  readonly directory: Directory;
  /** Pixels of a strip or tile, which can be larger than the image. */
  readonly maxPixels: number;
  /** XMP, an XML. */
  readonly xmp: Uint8Array | undefined;
}

/** Samples of a pixel at most, as in Pillow. */
const MAX_SAMPLES = 6;

/** What the samples of a pixel mean. */
type Kind = "grey" | "white" | "rgb" | "palette" | "cmyk" | "ycc";

const KINDS: Readonly<Record<number, Kind>> = {
  0: "white",
  1: "grey",
  2: "rgb",
  3: "palette",
  5: "cmyk",
  6: "ycc",
};

const COLOURS: Readonly<Record<Kind, number>> = {
  grey: 1,
  white: 1,
  palette: 1,
  rgb: 3,
  ycc: 3,
  cmyk: 4,
};

/** How the pixels are stored. */
interface Layout {
  readonly kind: Kind;
  readonly bits: number;
  readonly samples: number;
  /** What the sample after the colours is: none, alpha, or alpha that the colours are multiplied by. */
  readonly alpha: "none" | "straight" | "premultiplied";
  readonly isFloat: boolean;
  readonly isPlanar: boolean;
  readonly packing: number;
  readonly predictor: number;
  readonly blockWidth: number;
  readonly blockHeight: number;
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
}

function unknown(what: string): SyntaxError {
  return new SyntaxError(
    `Cannot read the TIFF: ${what}, which is not supported; give it as PNG, or as TIFF of 8 or 16 ` +
      `bits without compression, or with LZW, deflate, PackBits or JPEG`,
  );
}

function numbers({ fields }: Directory, tag: number): readonly number[] | undefined {
  return fields.get(tag)?.values;
}

function layoutOf(directory: Directory, width: number, height: number): Layout {
  const one = (tag: number, otherwise: number) => numbers(directory, tag)?.[0] ?? otherwise;
  const photometric = one(TAG.photometric, 0);
  const kind = KINDS[photometric];
  if (kind === undefined) throw unknown(`its photometric interpretation is ${photometric}`);
  const samples = one(TAG.samples, 1);
  const all = numbers(directory, TAG.bits) ?? [1];
  const bits = all[0]!;
  const format = one(TAG.sampleFormat, 1);
  const isFloat = format === 3 && bits === 32 && COLOURS[kind] === 1;
  const sizes = { grey: [1, 2, 4, 8, 16], white: [1, 2, 4, 8, 16], palette: [1, 2, 4, 8] } as const;
  const known: readonly number[] = sizes[kind as "grey"] ?? (kind === "ycc" ? [8] : [8, 16]);
  const isKnown = isFloat || format === 1 && known.includes(bits) && (bits >= 8 || samples === 1);
  if (!isKnown || all.some((other) => other !== bits)) {
    throw unknown(`its samples are of ${all.join(", ")} bits and format ${format}`);
  }
  if (samples < COLOURS[kind] || samples > MAX_SAMPLES) {
    throw unknown(`a pixel has ${samples} samples`);
  }
  const packing = one(TAG.compression, 1);
  if (![1, 5, 7, 8, 32773, 32946].includes(packing)) {
    throw unknown(`it is packed with ${PACKINGS[packing] ?? `method ${packing}`}`);
  }
  const predictor = one(TAG.predictor, 1);
  if (predictor > 2 || predictor === 2 && bits < 8) throw unknown(`its predictor is ${predictor}`);
  if (one(TAG.fillOrder, 1) !== 1) throw unknown("its bits are in reverse order");
  if (kind === "ycc" && packing !== 7 && isSubsampled(directory)) {
    throw unknown("its colours are of half size");
  }
  const isTiled = directory.fields.has(TAG.tileOffsets);
  const offsets = numbers(directory, isTiled ? TAG.tileOffsets : TAG.stripOffsets) ?? [];
  const blockWidth = isTiled ? one(TAG.tileWidth, 0) : width;
  const blockHeight = isTiled
    ? one(TAG.tileHeight, 0)
    : Math.min(height, one(TAG.rowsPerStrip, height));
  if (blockWidth < 1 || blockHeight < 1) {
    throw unknown(`its parts are ${blockWidth}x${blockHeight}`);
  }
  return {
    kind,
    bits,
    samples,
    alpha: alphaOf(directory, kind, samples),
    isFloat,
    isPlanar: one(TAG.planes, 1) === 2 && samples > 1,
    packing,
    predictor,
    blockWidth,
    blockHeight,
    offsets,
    counts: numbers(directory, isTiled ? TAG.tileCounts : TAG.stripCounts) ?? [],
  };
}

function isSubsampled(directory: Directory): boolean {
  return (numbers(directory, TAG.subsampling) ?? [2, 2]).some((factor) => factor !== 1);
}

/** As Pillow: a fourth sample of RGB that nothing is said about is alpha. */
function alphaOf(directory: Directory, kind: Kind, samples: number): Layout["alpha"] {
  if (!["grey", "rgb"].includes(kind) || samples === COLOURS[kind]) return "none";
  const [extra] = numbers(directory, TAG.extra) ?? [kind === "rgb" && samples === 4 ? 2 : 0];
  if (extra === 1) return "premultiplied";
  return extra === 2 || extra === 999 ? "straight" : "none";
}

/** @throws {SyntaxError} when it is cut off, or of a kind that is not read. */
export function readTiff(bytes: Uint8Array): TiffHeader {
  const directory = readDirectory(bytes);
  const [width] = directory && numbers(directory, TAG.width) || [];
  const [height] = directory && numbers(directory, TAG.height) || [];
  if (!directory?.isWhole || width === undefined || height === undefined) {
    throw new SyntaxError(`Cannot read the TIFF: it is cut off after ${bytes.length} bytes`);
  }
  const { kind, alpha, blockWidth, blockHeight } = layoutOf(directory, width, height);
  const colours = kind === "grey" || kind === "white" ? 1 : 3;
  return {
    width,
    height,
    channels: alpha === "none" ? colours : 4,
    directory,
    maxPixels: blockWidth * blockHeight,
    xmp: directory.fields.get(TAG.xmp)?.bytes,
  };
}

/** Unpacks one strip or tile to so many bytes. */
async function unpack(packed: Uint8Array, size: number, { packing }: Layout): Promise<Uint8Array> {
  if (packing === 1) return packed.subarray(0, size);
  if (packing === 5) return unlzw(packed, size);
  if (packing === 32773) return unpackBits(packed, size);
  return await inflate(packed, size);
}

/** Adds to every sample the one before it in its row. */
function unpredict(data: Uint8Array, rowBytes: number, step: number, bits: number, le: boolean) {
  const view = viewOf(data);
  const bytes = bits / 8;
  for (let row = 0; row < data.length; row += rowBytes) {
    for (let at = row + step * bytes; at < Math.min(row + rowBytes, data.length); at += bytes) {
      const before = at - step * bytes;
      if (bytes === 1) data[at]! += data[before]!;
      else view.setUint16(at, view.getUint16(at, le) + view.getUint16(before, le), le);
    }
  }
}

/** A strip or tile of JPEG with the tables that all of them share. */
async function decodeJpegBlock(
  packed: Uint8Array,
  directory: Directory,
  { kind, samples, blockWidth, blockHeight }: Layout,
): Promise<Uint8Array> {
  const frame = jpegFrame(packed);
  if (frame === undefined || frame.width > blockWidth || frame.height > blockHeight) {
    throw new SyntaxError("Cannot read the TIFF: a part of JPEG in it is broken");
  }
  const tables = directory.fields.get(TAG.jpegTables)?.bytes;
  const shared = tables === undefined ? [] : [tables.subarray(2, -2)];
  // Adobe's segment tells libjpeg whether three samples are RGB or YCbCr
  const adobe = Uint8Array.of(0xff, 0xee, 0, 14, 65, 100, 111, 98, 101, 0, 100, 0, 0, 0, 0, 0);
  adobe[15] = kind === "ycc" ? 1 : 0;
  const file = concat([packed.subarray(0, 2), adobe, ...shared, packed.subarray(2)]);
  const { data } = await decodeByLibjpeg(file);
  const out = new Uint8Array(data.length / 4 * samples);
  for (let i = 0, at = 0; i < data.length; i += 4) {
    for (let c = 0; c < samples; c++) out[at++] = data[i + c]!;
  }
  return out;
}

/** Every sample of the image: bytes, or the upper bytes of those of 16 bits. */
async function samplesOf(
  bytes: Uint8Array,
  { width, height, directory }: TiffHeader,
  layout: Layout,
): Promise<Uint8Array> {
  const { bits, samples, isPlanar, isFloat, packing, blockWidth, blockHeight, kind } = layout;
  if (packing === 7 && (bits !== 8 || isPlanar || ![1, 3].includes(samples))) {
    throw unknown("it is packed with JPEG in a way that is rare");
  }
  const le = directory.isLittleEndian;
  const out = new Uint8Array(width * height * samples);
  const [across, down] = [Math.ceil(width / blockWidth), Math.ceil(height / blockHeight)];
  const step = isPlanar ? 1 : samples;
  const rowBytes = Math.ceil(blockWidth * step * bits / 8);
  const total = across * down * (isPlanar ? samples : 1);
  for (let n = 0; n < total; n++) {
    const [plane, place] = isPlanar
      ? [Math.floor(n / (across * down)), n % (across * down)]
      : [0, n];
    const [left, top] = [place % across * blockWidth, Math.floor(place / across) * blockHeight];
    const rows = Math.min(blockHeight, height - top);
    const columns = Math.min(blockWidth, width - left);
    const offset = layout.offsets[n] ?? Infinity;
    const count = layout.counts[n] ?? bytes.length - offset;
    const packed = bytes.subarray(offset, offset + count);
    const data = packing === 7
      ? await decodeJpegBlock(packed, directory, layout)
      : (await unpack(packed, rowBytes * rows, layout)).slice();
    if (data.length < rowBytes * (rows - 1) + Math.ceil(columns * step * bits / 8)) {
      throw new SyntaxError(`Cannot read the TIFF: it is cut off after ${bytes.length} bytes`);
    }
    if (layout.predictor === 2) unpredict(data, rowBytes, step, bits, le);
    const view = viewOf(data);
    // indexes stay as they are; samples of grey are spread over 0..255
    const spread = kind === "palette" ? 1 : 255 / (2 ** Math.min(bits, 8) - 1);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns * step; x++) {
        const pixel = (top + y) * width + left + Math.floor(x / step);
        const to = pixel * samples + (isPlanar ? plane : x % step);
        if (isFloat) {
          out[to] = Math.max(
            0,
            Math.min(255, Math.trunc(view.getFloat32(y * rowBytes + 4 * x, le))),
          );
        } else if (bits === 16) out[to] = data[y * rowBytes + 2 * x + (le ? 1 : 0)]!;
        else {
          const bit = x * bits;
          const byte = data[y * rowBytes + (bit >> 3)]!;
          out[to] = (byte >> 8 - bits - bit % 8 & 2 ** bits - 1) * spread;
        }
      }
    }
  }
  return out;
}

/** Samples of one pixel as grey, RGB or RGBA. */
function colourOf(
  layout: Layout,
  palette: readonly number[],
): (s: Uint8Array) => readonly number[] {
  const { kind, bits, packing } = layout;
  if (kind === "grey") return ([v]) => [v!];
  if (kind === "white") return ([v]) => [255 - v!];
  if (kind === "palette") {
    const size = 2 ** bits;
    return ([v]) => [0, 1, 2].map((c) => (palette[c * size + v!] ?? 0) >> 8);
  }
  if (kind === "cmyk") {
    return (s) => [0, 1, 2].map((c) => Math.round((255 - s[c]!) * (255 - s[3]!) / 255));
  }
  if (kind === "rgb" || packing === 7) return (s) => [s[0]!, s[1]!, s[2]!];
  const clip = (value: number) => Math.max(0, Math.min(255, Math.floor(value + 0.5)));
  return ([y, b, r]) => [
    clip(y! + 1.402 * (r! - 128)),
    clip(y! - 0.344136 * (b! - 128) - 0.714136 * (r! - 128)),
    clip(y! + 1.772 * (b! - 128)),
  ];
}

/**
 * Decodes the first image of a TIFF to the pixels that Pillow gives; of 16 bits the upper 8.
 *
 * @throws {SyntaxError} when it is cut off.
 */
export async function decodeTiff(bytes: Uint8Array, header: TiffHeader): Promise<DenoiseImage> {
  const { width, height, channels, directory } = header;
  const layout = layoutOf(directory, width, height);
  const samples = await samplesOf(bytes, header, layout);
  const colour = colourOf(layout, numbers(directory, TAG.palette) ?? []);
  const isPlain = (layout.kind === "grey" || layout.kind === "rgb") && layout.samples === channels;
  const data = isPlain ? samples : new Uint8Array(width * height * channels);
  for (
    let i = isPlain ? data.length : 0, from = 0;
    i < data.length;
    i += channels, from += layout.samples
  ) {
    const pixel = samples.subarray(from, from + layout.samples);
    const colours = colour(pixel);
    if (channels !== 4) data.set(colours, i);
    else {
      data.set(colours.length === 1 ? [colours[0]!, colours[0]!, colours[0]!] : colours, i);
      data[i + 3] = pixel[COLOURS[layout.kind]]!;
    }
  }
  return new DenoiseImage(
    width,
    height,
    channels,
    layout.alpha === "premultiplied" ? unpremultiply(data) : data,
  );
}
