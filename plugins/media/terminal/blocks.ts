import type { Image } from "@denoise/core";

/** How colours are written: any (24 bits), or the 216 of the cube of 256-colour terminals. */
export type Colours = "16m" | "256";

/** Most characters of a line. */
const MAX_COLUMNS = 80;

type Rgb = readonly [red: number, green: number, blue: number];

/** The mean colour of a part of an image; what is transparent counts as black. */
function meanOf(image: Pick<Image, "width" | "channels" | "data">, box: readonly number[]): Rgb {
  const { width, channels, data } = image;
  const [left, top, right, bottom] = box as [number, number, number, number];
  const sum: [number, number, number] = [0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = (y * width + x) * channels;
      const alpha = channels === 4 ? data[at + 3]! / 255 : 1;
      for (let c = 0; c < 3; c++) sum[c]! += data[channels === 1 ? at : at + c]! * alpha;
    }
  }
  const count = (right - left) * (bottom - top);
  return sum.map((value) => Math.round(value / count)) as unknown as Rgb;
}

function colour(layer: 38 | 48, [red, green, blue]: Rgb, colours: Colours): string {
  if (colours === "16m") return `${layer};2;${red};${green};${blue}`;
  const step = (value: number) => Math.round(value / 51);
  return `${layer};5;${16 + 36 * step(red) + 6 * step(green) + step(blue)}`;
}

/**
 * An image as lines of half blocks, two pixels in a character: for terminals that have colours and no
 * graphics.
 *
 * @param columns Most characters of a line; no more than 80 are used.
 *
 * @example
 * ```ts
 * import { blocks } from "@denoise/terminal";
 * import { assertEquals } from "@std/assert";
 *
 * const image = { width: 1, height: 2, channels: 1, data: Uint8Array.of(255, 0) };
 * const [line] = blocks(image, 80);
 * assertEquals(line, "\x1b[38;2;255;255;255;48;2;0;0;0m▀\x1b[0m");
 * ```
 */
export function blocks(
  image: Pick<Image, "width" | "height" | "channels" | "data">,
  columns: number,
  colours: Colours = "16m",
): string[] {
  const { width, height } = image;
  const across = Math.max(1, Math.min(columns, MAX_COLUMNS, width));
  const down = Math.max(1, Math.round(height * across / width / 2)) * 2;
  const edge = (i: number, count: number, size: number) => Math.floor(i * size / count);
  const at = (x: number, y: number) => {
    const [left, top] = [edge(x, across, width), edge(y, down, height)];
    const [right, bottom] = [edge(x + 1, across, width), edge(y + 1, down, height)];
    return meanOf(image, [left, top, Math.max(right, left + 1), Math.max(bottom, top + 1)]);
  };
  return Array.from({ length: down / 2 }, (_, row) => {
    const cells = Array.from({ length: across }, (_, x) => {
      const [upper, lower] = [at(x, 2 * row), at(x, 2 * row + 1)];
      return `\x1b[${colour(38, upper, colours)};${colour(48, lower, colours)}m▀`;
    });
    return `${cells.join("")}\x1b[0m`;
  });
}

/** The colours of a terminal, from what its environment says; undefined for none. */
export function coloursOf(env: (name: string) => string | undefined): Colours | undefined {
  if (env("NO_COLOR") || env("TERM") === "dumb" || env("TERM") === undefined) return undefined;
  return /truecolor|24bit/.test(env("COLORTERM") ?? "") ? "16m" : "256";
}
