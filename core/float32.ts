const f = Math.fround;

/** a·b + c, rounded once to float32. */
export function fma(a: number, b: number, c: number): number {
  const total = a * b + c; // the product is exact: 24 + 24 bits fit in float64
  const rounded = f(total);
  const beyond = total + (total - rounded);
  return f(beyond) === beyond ? settle(a * b, c, total, rounded, beyond) : rounded;
}

/**
 * Rounding twice goes wrong where float64 has landed halfway between two float32 numbers, and what
 * was lost on the way there would have decided.
 */
function settle(p: number, c: number, total: number, rounded: number, beyond: number): number {
  const back = total - p;
  const lost = (p - (total - back)) + (c - back);
  return lost * (total - rounded) > 0 ? beyond : rounded;
}

/** The nearest integer, ties to the even one, as numpy and torch round. */
export function roundHalfEven(value: number): number {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
