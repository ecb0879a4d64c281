import { Tensor } from "@denoise/core";

/**
 * The low frequencies of images: those that are at most a fifth of the shorter side from none, as FasterCache parts them.
 *
 * @param images float32 [N, C, H, W].
 * @returns The same without the others, float32 [N, C, H, W].
 */
export function lowFrequencies(images: Tensor): Tensor {
  const [height, width] = images.dims.slice(-2) as [number, number];
  const radius = Math.floor(Math.min(height, width) / 5);
  const data = images.toFloat32Array();
  const low = new Float32Array(data.length);
  const [rows, columns] = [waves(height, radius), waves(width, radius)];
  for (let start = 0; start < data.length; start += height * width) {
    const image = data.subarray(start, start + height * width);
    low.set(filtered(image, [height, width], { radius, rows, columns }), start);
  }
  return new Tensor("float32", low, images.dims);
}

/** Cosines and sines of the frequencies -radius to radius at each place of a side, [frequency][place]. */
interface Waves {
  readonly cos: readonly Float64Array[];
  readonly sin: readonly Float64Array[];
}

function waves(side: number, radius: number): Waves {
  const of = (wave: (angle: number) => number) =>
    Array.from(
      { length: 2 * radius + 1 },
      (_, i) =>
        Float64Array.from(
          { length: side },
          (_, place) => wave(2 * Math.PI * (i - radius) * place / side),
        ),
    );
  return { cos: of(Math.cos), sin: of(Math.sin) };
}

/** Sum of the frequencies (u, v) with u² + v² <= radius², by the discrete Fourier transform along rows, then columns. */
function filtered(
  image: Float32Array,
  [height, width]: readonly [number, number],
  { radius, rows, columns }: {
    readonly radius: number;
    readonly rows: Waves;
    readonly columns: Waves;
  },
): Float64Array {
  const result = new Float64Array(height * width);
  for (let u = 0; u <= 2 * radius; u++) {
    const [cosU, sinU] = [columns.cos[u]!, columns.sin[u]!];
    const [re, im] = [new Float64Array(height), new Float64Array(height)]; // of each row
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        re[y]! += image[y * width + x]! * cosU[x]!;
        im[y]! -= image[y * width + x]! * sinU[x]!;
      }
    }
    const reach = Math.floor(Math.sqrt(radius ** 2 - (u - radius) ** 2));
    const [backRe, backIm] = [new Float64Array(height), new Float64Array(height)];
    for (let v = radius - reach; v <= radius + reach; v++) {
      const [cosV, sinV] = [rows.cos[v]!, rows.sin[v]!];
      let [sumRe, sumIm] = [0, 0];
      for (let y = 0; y < height; y++) {
        sumRe += re[y]! * cosV[y]! + im[y]! * sinV[y]!;
        sumIm += im[y]! * cosV[y]! - re[y]! * sinV[y]!;
      }
      for (let y = 0; y < height; y++) {
        backRe[y]! += sumRe * cosV[y]! - sumIm * sinV[y]!;
        backIm[y]! += sumIm * cosV[y]! + sumRe * sinV[y]!;
      }
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        result[y * width + x]! += (backRe[y]! * cosU[x]! - backIm[y]! * sinU[x]!) /
          (height * width);
      }
    }
  }
  return result;
}
