import { make } from "./dom.js";

const SIDE = 64;

/** The colours of the logo. */
const COLOURS = [[255, 138, 92], [240, 82, 138], [106, 79, 240]];

/** What an image comes out of: a canvas of noise. */
export function noise() {
  const canvas = make("canvas", { className: "noise", width: SIDE, height: SIDE });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  for (const [i, chance] of crypto.getRandomValues(new Uint8Array(SIDE * SIDE)).entries()) {
    pixels.data.set([...COLOURS[chance % COLOURS.length], chance * 0.7], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
