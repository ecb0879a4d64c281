/**
 * The drawings that the embedded model learns: Fluent Emoji (flat), MIT, Microsoft.
 *
 * @module
 */
import icons from "@iconify-json/fluent-emoji-flat/icons.json" with { type: "json" };
import { Resvg } from "@resvg/resvg-js";

/** An image: its side, and RGBA with the colours not multiplied by alpha. */
export interface Drawing {
  readonly size: number;
  readonly data: Uint8Array;
}

const bodies = icons.icons as Readonly<Record<string, { readonly body: string } | undefined>>;

/** Draws the emoji of that name (`"red apple"` or `"red-apple"`), `size` x `size` pixels. */
export function drawEmoji(name: string, size: number): Drawing {
  const icon = bodies[name.replaceAll(" ", "-")];
  if (icon === undefined) {
    throw new RangeError(
      `Cannot draw ${JSON.stringify(name)}: @iconify-json/fluent-emoji-flat has no such emoji`,
    );
  }
  // A unit of margin on every side: no drawing touches the border of its image.
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 34 34">${icon.body}</svg>`;
  const { pixels } = new Resvg(svg, { fitTo: { mode: "width", value: size } }).render();
  return { size, data: unpremultiply(pixels) };
}

/** The drawing on a plain background: RGB in 0..1, row by row. */
export function onBackground(drawing: Drawing, colour: readonly number[]): Float32Array {
  const pixels = drawing.data.length / 4;
  const rgb = new Float32Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const alpha = drawing.data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) {
      rgb[3 * i + c] = (drawing.data[4 * i + c]! * alpha + colour[c]! * (1 - alpha)) / 255;
    }
  }
  return rgb;
}

/** Words of a text file beside this module. */
export async function words(file: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(file, import.meta.url));
  return text.split(/\s+/).filter((word) => word !== "");
}

/** resvg gives colours multiplied by alpha; other backgrounds want them plain. */
function unpremultiply(pixels: Uint8Array): Uint8Array {
  const plain = new Uint8Array(pixels);
  for (let i = 0; i < plain.length; i += 4) {
    const alpha = plain[i + 3]!;
    for (let c = 0; c < 3 && alpha > 0; c++) {
      plain[i + c] = Math.min(255, Math.round(plain[i + c]! * 255 / alpha));
    }
  }
  return plain;
}
