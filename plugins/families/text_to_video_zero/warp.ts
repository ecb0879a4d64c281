import { roundHalfEven, Tensor } from "@denoise/core";

const f = Math.fround;

/** Sides of the field in which motion is measured. */
const FIELD = 512;

/**
 * Latents moved as a whole: what leaves at one edge comes back mirrored. `warp_single_latent` of the reference with
 * a motion that is the same everywhere, in float32 as it computes: nearest neighbours, edges reflected.
 *
 * @param latents float32 [N, C, h, w].
 * @param x Of a field 512 wide: how far to the left.
 * @param y The same upwards.
 */
export function warpLatents(latents: Tensor, x: number, y: number): Tensor {
  const [height, width] = latents.dims.slice(2) as [number, number];
  const [rows, columns] = [placesOf(height, y), placesOf(width, x)];
  const source = latents.toFloat32Array();
  const area = height * width;
  const moved = source.map((_, i) => {
    const [plane, row, column] = [Math.floor(i / area), Math.floor(i % area / width), i % width];
    return source[plane * area + rows[row]! * width + columns[column]!]!;
  });
  return new Tensor("float32", moved, latents.dims);
}

/** For each place along a side the place that it is taken from. */
function placesOf(size: number, shift: number): number[] {
  const scale = f(FIELD / size);
  // where a point of the field looks, in -1..1
  const looks = (i: number) => f(f(f(f(i + f(shift)) / FIELD) * 2) - 1);
  return Array.from({ length: size }, (_, place) => {
    const at = Math.max(0, f(f(scale * f(place + 0.5)) - 0.5));
    const before = Math.floor(at);
    const share = f(at - before);
    const after = Math.min(before + 1, FIELD - 1);
    const between = f(f(looks(before) * f(1 - share)) + f(looks(after) * share));
    return nearest(reflected(f(f(f(between + 1) * f(size / 2)) - 0.5), size), size);
  });
}

/** A place beyond an edge, mirrored at it as often as it takes. */
function reflected(place: number, size: number): number {
  const inside = Math.abs(f(place + 0.5));
  const flips = Math.floor(inside / size);
  const rest = f(inside - flips * size);
  return f((flips % 2 === 0 ? rest : f(size - rest)) - 0.5);
}

/** The whole place nearest to one, halves to the even one. */
function nearest(place: number, size: number): number {
  return roundHalfEven(Math.min(size - 1, Math.max(0, place)));
}
