/**
 * Scenes put together from drawings, as captions.py and scenes.py do for training: what an image is held against.
 *
 * @module
 */
import type { Concept } from "./concepts.ts";
import { drawEmoji, type Drawing, styles } from "./drawings.ts";

/** Side of the images. */
export const SIZE = 128;

/** Where the objects of a scene are, by their number, and their size next to an object alone. */
export const LAYOUTS: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  1: [[64, 64]],
  2: [[34, 64], [94, 64]],
  3: [[64, 36], [34, 92], [94, 92]],
  4: [[34, 34], [94, 34], [34, 94], [94, 94]],
  5: [[26, 26], [102, 26], [64, 64], [26, 102], [102, 102]],
  6: [[24, 40], [64, 40], [104, 40], [24, 88], [64, 88], [104, 88]],
};
export const SCALES: Readonly<Record<number, number>> = {
  1: 1,
  2: 0.5,
  3: 0.46,
  4: 0.46,
  5: 0.36,
  6: 0.33,
};

/** The drawings of a concept, one for each style that has it. */
export function drawingsOf(concept: Concept): Drawing[] {
  return styles.flatMap((style) => drawEmoji(concept.code, style, SIZE) ?? []);
}

/** The same objects `count` times, on white: RGB in 0..1, row by row. */
export function several(drawing: Drawing, count: number): Float32Array {
  const canvas = new Float32Array(SIZE * SIZE * 3).fill(1);
  const small = count === 1 ? drawing : shrunk(drawing, Math.round(SIZE * SCALES[count]!));
  for (const [x, y] of LAYOUTS[count]!) {
    place(canvas, small, Math.round(x - small.size / 2), Math.round(y - small.size / 2));
  }
  return canvas;
}

/** The square of that side out of an image. */
export function crop(rgb: Float32Array, left: number, top: number, side: number): Float32Array {
  const part = new Float32Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * SIZE + left) * 3;
    part.set(rgb.subarray(from, from + side * 3), y * side * 3);
  }
  return part;
}

/** The drawing at a smaller size, each pixel the mean of what it covers. */
export function shrunk(drawing: Drawing, size: number): Drawing {
  const data = new Uint8Array(size * size * 4);
  const step = drawing.size / size;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const sums = [0, 0, 0, 0];
      let count = 0;
      for (
        let v = Math.floor(y * step);
        v < Math.min(drawing.size, Math.ceil((y + 1) * step));
        v++
      ) {
        for (
          let u = Math.floor(x * step);
          u < Math.min(drawing.size, Math.ceil((x + 1) * step));
          u++
        ) {
          for (let c = 0; c < 4; c++) sums[c]! += drawing.data[4 * (v * drawing.size + u) + c]!;
          count++;
        }
      }
      for (let c = 0; c < 4; c++) data[4 * (y * size + x) + c] = Math.round(sums[c]! / count);
    }
  }
  return { size, data };
}

/**
 * The drawing in a colour: what is as light as the mean of it takes the colour, shades and lights stay
 * (`recoloured` of scenes.py).
 */
export function recoloured(drawing: Drawing, colour: readonly number[]): Drawing {
  const { size, data } = drawing;
  const light = (i: number) =>
    (0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!) /
    Math.max(1, data[4 * i + 3]!);
  let sum = 0, weight = 0;
  for (let i = 0; i < size * size; i++) {
    sum += light(i) * data[4 * i + 3]!;
    weight += data[4 * i + 3]!;
  }
  const middle = Math.min(0.95, Math.max(0.05, sum / Math.max(1, weight)));
  const given = new Uint8Array(data.length);
  for (let i = 0; i < size * size; i++) {
    const alpha = data[4 * i + 3]!;
    const shade = 0.3 + 0.7 * Math.min(1, light(i) / middle);
    const shine = 0.75 * Math.min(1, Math.max(0, (light(i) - middle) / (1 - middle)));
    for (let c = 0; c < 3; c++) {
      const part = colour[c]! / 255;
      given[4 * i + c] = Math.round(Math.min(1, part * shade + (1 - part) * shine) * alpha);
    }
    given[4 * i + 3] = alpha;
  }
  return { size, data: given };
}

function place(canvas: Float32Array, drawing: Drawing, left: number, top: number): void {
  for (let y = Math.max(0, -top); y < Math.min(drawing.size, SIZE - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(drawing.size, SIZE - left); x++) {
      const from = 4 * (y * drawing.size + x), to = 3 * ((top + y) * SIZE + left + x);
      const rest = 1 - drawing.data[from + 3]! / 255;
      for (let c = 0; c < 3; c++) {
        canvas[to + c] = drawing.data[from + c]! / 255 + canvas[to + c]! * rest;
      }
    }
  }
}
