import type { Tensor } from "@denoise/core";
import { DenoiseImage } from "./image.ts";

/** Shows something with a line of text above it. */
export type Show = (image: DenoiseImage, caption: string) => void | Promise<void>;

/** The image of {@linkcode displaySample}. */
export function sampleToImage(sample: Tensor): DenoiseImage {
  const [_, channels, height, width] = sample.dims;
  if (sample.dims.length !== 4 || ![1, 3].includes(channels!)) {
    throw new TypeError(
      `Cannot show ${sample}: it must be float32 [N, C, H, W] with 1 or 3 channels`,
    );
  }
  const values = sample.toFloat32Array();
  const plane = height! * width!;
  const data = new Uint8Array(plane * channels!);
  for (let c = 0; c < channels!; c++) {
    for (let i = 0; i < plane; i++) {
      const value = Math.fround(Math.fround(values[c * plane + i]! + 1) * 127.5);
      data[i * channels! + c] = Math.trunc(value);
    }
  }
  return new DenoiseImage(width!, height!, channels!, data);
}

interface Notebook {
  display(value: unknown): Promise<void>;
}

/** `Deno.jupyter`, whose getter throws outside a notebook. */
function notebook(): Notebook | undefined {
  try {
    return (Deno as unknown as { readonly jupyter: Notebook }).jupyter;
  } catch {
    return undefined;
  }
}

async function showInNotebook(image: DenoiseImage, caption: string): Promise<void> {
  const shown = notebook();
  if (shown === undefined) return console.log(`${caption}: ${image}`);
  await shown.display({ [Symbol.for("Jupyter.display")]: () => ({ "text/plain": caption }) });
  await shown.display(image);
}

/**
 * Shows the first sample of a denoising loop, as `display_sample` of the diffusers quicktour:
 * `(x + 1) * 127.5` cut to whole numbers modulo 256 (as numpy's `astype(uint8)`), so values
 * outside -1..1 wrap around. In a Deno notebook it shows the image, elsewhere it prints a line.
 *
 * @param sample float32 [N, C, H, W], about -1..1; C = 1 or 3.
 * @param step The step to name in the caption.
 * @param show How to show it instead.
 * @returns The image.
 * @throws {TypeError} for another shape.
 *
 * @category Images and audio
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { displaySample } from "@denoise/image";
 * import { assertEquals } from "@std/assert";
 *
 * const image = await displaySample(Tensor.zeros([1, 3, 8, 8]), 50);
 * assertEquals(image.data[0], 127);
 * ```
 */
export async function displaySample(
  sample: Tensor,
  step: number,
  show: Show = showInNotebook,
): Promise<DenoiseImage> {
  const image = sampleToImage(sample);
  await show(image, `Image at step ${step}`);
  return image;
}
