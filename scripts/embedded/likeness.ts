/**
 * How alike two images are, and what colour their ground has. Images are RGB, row by row.
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

/** The cosine of the angle between two vectors. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0, squareA = 0, squareB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squareA += a[i]! * a[i]!;
    squareB += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(squareA * squareB);
}

/** The median, channel by channel, of the two outermost rows above and below; 0..255. */
export function borderColour(rgb: Float32Array, size: number): number[] {
  const row = size * 3;
  const border = [...rgb.subarray(0, 2 * row), ...rgb.subarray(rgb.length - 2 * row)];
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
