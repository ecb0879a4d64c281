/**
 * How alike two images are, how sharp they are, and what colour their ground has. Images are RGB in 0..1, row by row.
 *
 * @module
 */

/** Means of `count` x `count` areas of a square image. */
export function areaMeans(rgb: Float32Array, size: number, count: number): Float32Array {
  const side = size / count;
  const means = new Float32Array(count * count * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const area = Math.floor(y / side) * count + Math.floor(x / side);
      for (let c = 0; c < 3; c++) {
        means[3 * area + c]! += rgb[3 * (y * size + x) + c]! / (side * side);
      }
    }
  }
  return means;
}

/** The root of the mean square of their differences. */
export function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}

/** Mean distance of all pairs. */
export function spread(images: readonly Float32Array[]): number {
  let sum = 0, count = 0;
  images.forEach((a, i) => {
    for (const b of images.slice(i + 1)) {
      sum += distance(a, b);
      count++;
    }
  });
  return sum / count;
}

/** Mean of the squared differences of neighbouring pixels, across and down: what blur takes away. */
export function gradientEnergy(rgb: Float32Array, size: number): number {
  let sum = 0;
  for (let y = 0; y < size - 1; y++) {
    for (let x = 0; x < size - 1; x++) {
      const at = 3 * (y * size + x);
      for (let c = 0; c < 3; c++) {
        sum += (rgb[at + c + 3]! - rgb[at + c]!) ** 2 +
          (rgb[at + c + 3 * size]! - rgb[at + c]!) ** 2;
      }
    }
  }
  return sum / (3 * (size - 1) ** 2);
}

/** The median, channel by channel, of some rows from `first` on; 0..255. */
export function rowColour(rgb: Float32Array, size: number, first: number, rows = 2): number[] {
  const border = [...rgb.subarray(first * size * 3, (first + rows) * size * 3)];
  return [0, 1, 2].map((c) => {
    const sorted = border.filter((_, i) => i % 3 === c).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]! * 255;
  });
}

/** The name of the colour that is nearest. */
export function nearestColour(
  colour: readonly number[],
  named: Readonly<Record<string, readonly number[]>>,
): string {
  const distance = (name: string) =>
    colour.reduce((sum, value, c) => sum + (value - named[name]![c]!) ** 2, 0);
  return Object.keys(named).reduce((best, name) => distance(name) < distance(best) ? name : best);
}
