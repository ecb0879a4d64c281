import { Tensor } from "@denoise/core";

/** Which token stands for an image, how many patches of a side become one, and what counts. */
export interface TextLayout {
  /** The token's id. */
  readonly token: number;
  /** Patches of a side. */
  readonly merge: number;
  /** Which tokens count, 1 or 0; the others are at 0 and move none. Defaults to all. */
  readonly mask?: readonly number[] | undefined;
}

/**
 * Time, row and column of the tokens of a text with images (`get_rope_index`): those of an image lie side by
 * side, and what comes behind it goes on from its longer side.
 *
 * @returns float32 [tokens, 3].
 * @throws {TypeError} for images that are not as many as the text has places for.
 */
export function textPlaces(
  ids: readonly number[],
  grids: readonly (readonly [frames: number, rows: number, columns: number])[],
  { token, merge, mask }: TextLayout,
): Tensor {
  const places = new Float32Array(ids.length * 3);
  const left = [...grids];
  let [at, place] = [0, 0];
  while (at < ids.length) {
    if (mask?.[at] === 0) {
      at++;
      continue;
    }
    if (ids[at] !== token) {
      places.fill(place++, 3 * at, 3 * ++at);
      continue;
    }
    const [, rows, columns] = left.shift() ?? [0, 0, 0];
    const [high, wide] = [rows / merge, columns / merge];
    const fits = high > 0 && ids.slice(at, at + high * wide).every((id) => id === token);
    if (!fits || at + high * wide > ids.length) throw mismatch(ids, grids, token);
    for (let i = 0; i < high * wide; i++, at++) {
      places.set([place, place + Math.floor(i / wide), place + i % wide], 3 * at);
    }
    place += Math.max(high, wide);
  }
  if (left.length > 0) throw mismatch(ids, grids, token);
  return Tensor.from(places, [ids.length, 3]);
}

function mismatch(ids: readonly number[], grids: readonly unknown[], token: number): TypeError {
  return new TypeError(
    `Cannot read ${grids.length} images in a text with ${
      ids.filter((id) => id === token).length
    } tokens of ` +
      "images: there must be one for each 2x2 patches of each image",
  );
}

/** States of images where their tokens are, zeros elsewhere: float32 [1, tokens, C]. */
export function statesAmong(ids: readonly number[], states: Tensor, token: number): Tensor {
  const [, width] = states.dims as [number, number];
  const all = new Float32Array(ids.length * width);
  const values = states.toFloat32Array();
  let next = 0;
  for (const [i, id] of ids.entries()) {
    if (id !== token) continue;
    all.set(values.subarray(next * width, (next + 1) * width), i * width);
    next++;
  }
  return Tensor.from(all, [1, ids.length, width]);
}
