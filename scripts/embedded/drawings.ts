/**
 * The drawings that the embedded model learns, out of the sets of sets.json.
 *
 * @module
 */
import flatChars from "@iconify-json/fluent-emoji-flat/chars.json" with { type: "json" };
import flat from "@iconify-json/fluent-emoji-flat/icons.json" with { type: "json" };
import twemojiChars from "@iconify-json/twemoji/chars.json" with { type: "json" };
import twemoji from "@iconify-json/twemoji/icons.json" with { type: "json" };
import { Resvg } from "@resvg/resvg-js";
import sets from "./sets.json" with { type: "json" };

/** An image: its side, and RGBA of 8 bits with the colours multiplied by alpha. */
export interface Drawing {
  readonly size: number;
  readonly data: Uint8Array;
}

interface Icons {
  readonly icons: Readonly<Record<string, { readonly body: string } | undefined>>;
  readonly aliases?: Readonly<Record<string, { readonly parent: string } | undefined>>;
}

/** Each set, and its names by code points. */
const drawn: Readonly<Record<string, readonly [Icons, Readonly<Record<string, string>>]>> = {
  flat: [flat as Icons, flatChars],
  twemoji: [twemoji as Icons, twemojiChars],
};

/** The words that a prompt may ask a set by: `"red apple in flat style"`. */
export const styles: readonly string[] = sets.map(({ style }) => style);

/** How much of the side is left free around a drawing, so that it stands off the border. */
const MARGIN = 0.07;

/** The emoji of those code points in a style, `size` x `size` pixels; nothing where the set has none. */
export function drawEmoji(code: string, style: string, size: number): Drawing | undefined {
  const [icons, chars] = drawn[style]!;
  const name = chars[code] ?? chars[`${code}-fe0f`] ?? chars[code.replace("-", "-fe0f-")];
  if (name === undefined) return undefined;
  const icon = icons.icons[name] ?? icons.icons[icons.aliases?.[name]?.parent ?? ""];
  if (icon === undefined) return undefined;
  const box = sets.find((set) => set.style === style)!.box;
  const free = box * MARGIN;
  const view = `${-free} ${-free} ${box + 2 * free} ${box + 2 * free}`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${view}">${icon.body}</svg>`;
  const { pixels } = new Resvg(svg, { fitTo: { mode: "width", value: size } }).render();
  return { size, data: new Uint8Array(pixels) };
}

/** The drawing on a plain background: RGB in 0..1, row by row. */
export function onBackground(drawing: Drawing, colour: readonly number[]): Float32Array {
  const pixels = drawing.data.length / 4;
  const rgb = new Float32Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const rest = 1 - drawing.data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) {
      rgb[3 * i + c] = (drawing.data[4 * i + c]! + colour[c]! * rest) / 255;
    }
  }
  return rgb;
}
