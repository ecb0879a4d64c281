import { type FrozenConfig, Tensor } from "@denoise/core";
import type { UNet2DConditionConfig } from "./config.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;

/** The input that says where the images of an IP-Adapter count in a level, counted from the top. */
export function imageMaskInput(adapter: number, level: number): string {
  return `image_mask_${adapter}_${level}`;
}

/** The level of an attention, by its path. */
export function levelOf({ block_out_channels: channels }: Config, path: string): number {
  const last = channels.length - 1;
  const [_, way, block] = path.match(/^(down_blocks|up_blocks)\.(\d+)\./) ?? [];
  if (way === undefined) return last;
  return way === "down_blocks" ? Number(block) : last - Number(block);
}

/** Masks in the sizes of levels, by mask: the same tensor stays where the graph runs. */
const made = new WeakMap<Tensor, Map<number, Tensor>>();

/**
 * Masks of IP-Adapters as inputs, in the size of each level (`IPAdapterMaskProcessor.downsample`).
 *
 * @param masks float32 [1, images, H, W] each.
 * @param sample [N, C, h, w].
 */
export function imageMaskInputs(
  config: Config,
  masks: readonly (Tensor | undefined)[],
  { dims }: Tensor,
): Readonly<Record<string, Tensor>> {
  const inputs: Record<string, Tensor> = {};
  let [height, width] = dims.slice(2) as [number, number];
  for (const level of config.block_out_channels.keys()) {
    masks.forEach((mask, i) => {
      if (mask !== undefined) inputs[imageMaskInput(i, level)] = masked(mask, height * width);
    });
    [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  }
  return inputs;
}

function masked(mask: Tensor, places: number): Tensor {
  const sizes = made.get(mask) ?? new Map<number, Tensor>();
  made.set(mask, sizes);
  const known = sizes.get(places) ?? downsampled(mask, places);
  sizes.set(places, known);
  return known;
}

/**
 * A mask with so many places, in a shape as near to its own as the reference finds by the root of their number;
 * places that are too few are filled up by 0, those that are too many cut.
 *
 * @returns float32 [1, images, places].
 */
function downsampled(mask: Tensor, places: number): Tensor {
  const [images, fromHeight, fromWidth] = mask.dims.slice(1) as [number, number, number];
  const rough = Math.trunc(Math.sqrt(places / (fromWidth / fromHeight)));
  const height = rough + (places % rough === 0 ? 0 : 1);
  const width = Math.floor(places / height);
  const source = mask.toFloat32Array();
  const out = new Float32Array(images * places);
  const [rows, columns] = [weights(fromHeight, height), weights(fromWidth, width)];
  for (let image = 0; image < images; image++) {
    for (let at = 0; at < Math.min(places, height * width); at++) {
      const [down, across] = [rows[Math.floor(at / width)]!, columns[at % width]!];
      let sum = 0;
      for (const [y, byRow] of down) {
        const start = (image * fromHeight + y) * fromWidth;
        let row = 0;
        for (const [x, byColumn] of across) row += byColumn * source[start + x]!;
        sum += byRow * row;
      }
      out[image * places + at] = sum;
    }
  }
  return new Tensor("float32", out, [1, images, places]);
}

/** Keys' cubic convolution (1981) with the coefficient that torch has. */
const A = -0.75;

/** For each place of `to` the four places of `from` around it, edges repeated, and how much each counts. */
function weights(
  from: number,
  to: number,
): readonly (readonly [place: number, weight: number])[][] {
  return Array.from({ length: to }, (_, i) => {
    const middle = (i + 0.5) * from / to - 0.5;
    const first = Math.floor(middle);
    return [-1, 0, 1, 2].map((step) => {
      const place = Math.min(from - 1, Math.max(0, first + step));
      return [place, cubic(Math.abs(middle - first - step))] as const;
    });
  });
}

function cubic(x: number): number {
  if (x <= 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
}
