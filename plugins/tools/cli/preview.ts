import type { Image } from "@denoise/core";
import { blocks, type ProgressBar } from "@denoise/terminal";
import process from "node:process";

/** A preview has a pixel for each latent, which alone is too small to see. */
function enlarged(image: Image): Pick<Image, "width" | "height" | "channels" | "data"> {
  const factor = Math.max(1, Math.floor(64 / image.width));
  const [width, height] = [image.width * factor, image.height * factor];
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / factor) * image.width + Math.floor(x / factor)) * channels;
      data.set(image.data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { width, height, channels, data };
}

/** Images of steps, each drawn over the one before, with a bar below; on a terminal alone. */
export class PreviewArea {
  readonly #bar: ProgressBar;
  readonly #stream = process.stderr;
  #lines = 0;

  /** Nothing is drawn yet. */
  constructor(bar: ProgressBar) {
    this.#bar = bar;
  }

  /** Whether there is a terminal to draw on. */
  static get isPossible(): boolean {
    return process.stderr.isTTY === true && process.env.TERM !== "dumb";
  }

  /** Draws an image in the place of the last one. */
  draw(image: Image): void {
    const lines = blocks(enlarged(image), Math.min(64, this.#stream.columns || 80));
    this.clear();
    this.#stream.write(`${lines.join("\n")}\n`);
    this.#lines = lines.length;
    this.#bar.redraw();
  }

  /** Takes the last image and the line of the bar away. */
  clear(): void {
    this.#stream.write(this.#lines === 0 ? "\r\x1b[K" : `\r\x1b[${this.#lines}A\x1b[J`);
    this.#lines = 0;
  }
}
