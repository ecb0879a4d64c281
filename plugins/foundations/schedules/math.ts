/**
 * Numerical helpers that give what numpy and torch give, bit for bit where it says so, for noise
 * schedules.
 */

/** Numbers rounded to float32. */
export function toFloat32(values: ArrayLike<number>): number[] {
  return Array.from(values, Math.fround);
}

/** `count` numbers from start to end, equally spaced: `numpy.linspace` in float64, bit for bit. */
export function linspace(start: number, end: number, count: number): number[] {
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? end : at(i)));
  function at(i: number): number {
    return count === 1 ? start : i * step + start;
  }
}

/** `torch.linspace` in float32, bit for bit: counted from both ends to the middle. */
export function linspace32(start: number, end: number, count: number): Float32Array {
  const f = Math.fround;
  const [a, b] = [f(start), f(end)];
  const step = f(f(b - a) / f(count - 1));
  const half = Math.floor(count / 2);
  return Float32Array.from(
    { length: count },
    (_, i) => count === 1 ? a : i < half ? a + step * i : b - step * (count - 1 - i),
  );
}

/** Numbers from start towards end (left out) in steps: `numpy.arange` in float64, bit for bit. */
export function arange(start: number, end: number, step = 1): number[] {
  const count = Math.max(0, Math.ceil((end - start) / step));
  const delta = start + step - start;
  return Array.from({ length: count }, (_, i) => start + i * delta);
}

/** Running product, summed up in float64 and stored in float32: `torch.cumprod` of float32. */
export function cumprod32(values: ArrayLike<number>): Float32Array {
  let product = 1;
  return Float32Array.from(values, (value) => product *= value);
}

/**
 * Linear interpolation in float64 between the points (xs, ys), constant outside: `numpy.interp`.
 *
 * @param xs Rising; the positions 0, 1, 2 ... when absent.
 */
export function interp(
  values: ArrayLike<number>,
  ys: ArrayLike<number>,
  xs: ArrayLike<number> = Array.from(ys, (_, i) => i),
): number[] {
  const last = ys.length - 1;
  return Array.from(values, (x) => {
    if (!(x >= xs[0]!)) return Number.isNaN(x) ? NaN : ys[0]!;
    if (x >= xs[last]!) return ys[last]!;
    let [low, high] = [0, last];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x >= xs[middle]!) low = middle;
      else high = middle;
    }
    if (x === xs[low]) return ys[low]!;
    const slope = (ys[high]! - ys[low]!) / (xs[high]! - xs[low]!);
    return slope * (x - xs[low]!) + ys[low]!;
  });
}

/** How many numbers of a rising list are smaller than x: `searchsorted` from the left. */
export function searchSorted(rising: ArrayLike<number>, x: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Coefficients of the Lagrange polynomial that is 1 at the chosen node and 0 at the others, the
 * constant first.
 *
 * @param nodes Distinct numbers.
 * @param chosen The place of the node at which it is 1.
 */
export function lagrangePolynomial(nodes: readonly number[], chosen: number): number[] {
  const node = nodes[chosen]!;
  let powers = [1];
  nodes.forEach((root, place) => {
    if (place === chosen) return;
    const scale = 1 / (node - root);
    powers = [0, ...powers].map((below, i) => (below - root * (powers[i] ?? 0)) * scale);
  });
  return powers;
}

/**
 * ∫ ℓ(τ) dτ from `from` to `to`, where ℓ is the {@linkcode lagrangePolynomial} that is 1 at the
 * chosen node. Exact up to rounding.
 */
export function integrateLagrange(
  nodes: readonly number[],
  chosen: number,
  from: number,
  to: number,
): number {
  // Around the middle of the interval odd powers fall away, which keeps the rounding small.
  const centre = (from + to) / 2;
  const half = (to - from) / 2;
  const powers = lagrangePolynomial(nodes.map((node) => node - centre), chosen);
  return powers.reduce((total, coefficient, power) => {
    return power % 2 === 1 ? total : total + 2 * coefficient * half ** (power + 1) / (power + 1);
  }, 0);
}
