import { Buffer } from "node:buffer";
import type { DenoiseImage } from "./image.ts";
import { imageGrid } from "./image_grid.ts";

/**
 * Images that show themselves side by side in a Deno notebook; otherwise a plain array.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { DenoiseImage, ImageList } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const images = ImageList.of(new DenoiseImage(1, 1, 1, new Uint8Array(1)));
 * assertEquals(images.length, 1);
 * ```
 */
export class ImageList extends Array<DenoiseImage> {
  /** What `map`, `filter` and `slice` give: plain arrays, since their elements may be anything. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** What a Deno notebook shows: a grid of all images, as square as their number allows. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    const text = { "text/plain": `ImageList of ${this.length}: ${this.map(String).join(", ")}` };
    if (this.length === 0) return text;
    const columns = Math.ceil(Math.sqrt(this.length));
    const rows = Math.ceil(this.length / columns);
    const png = await imageGrid(this, rows, columns).encode("png");
    return { "image/png": Buffer.from(png).toString("base64"), ...text };
  }
}
