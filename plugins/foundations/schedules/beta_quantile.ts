/** Coefficients of Lanczos' approximation of the gamma function with g = 7. */
const LANCZOS = [
  0.99999999999980993,
  676.5203681218851,
  -1259.1392167224028,
  771.32342877765313,
  -176.61502916214059,
  12.507343278686905,
  -0.13857109526572012,
  9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** log Γ(x) for x > 0. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const series = LANCZOS.reduce((sum, c, i) => (i === 0 ? c : sum + c / (x - 1 + i)), 0);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series);
}

/** Density of the beta distribution. */
function density(x: number, a: number, b: number): number {
  const logB = logGamma(a) + logGamma(b) - logGamma(a + b);
  return Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logB);
}

/**
 * The share of the beta distribution below x, for x up to the mean: the continued fraction of the
 * incomplete beta function (Numerical Recipes 6.4), evaluated by Lentz's method.
 */
function share(x: number, a: number, b: number): number {
  const guard = (value: number): number => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / guard(1 - (a + b) * x / (a + 1));
  let fraction = d;
  for (let m = 1; m < 1000; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    fraction *= d * c;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return density(x, a, b) * x * (1 - x) / a * fraction;
}

/**
 * The number below which a share p of the beta distribution lies (`scipy.stats.beta.ppf`), to
 * about 13 digits, by Newton's method on a shrinking bracket.
 *
 * @param p The share, from 0 to 1.
 * @param a First parameter, above 0.
 * @param b Second parameter, above 0.
 * @throws {RangeError} for values outside these ranges.
 *
 * @example
 * ```ts
 * import { betaQuantile } from "@denoise/schedules";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(betaQuantile(0.5, 0.6, 0.6), 0.5, 1e-13);
 * ```
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1) || !(a > 0) || !(b > 0)) {
    throw new RangeError(
      `Cannot find the beta quantile of ${p} for ${a} and ${b}: ` +
        "the share is from 0 to 1, the parameters above 0",
    );
  }
  if (p === 0 || p === 1) return p;
  const mean = a / (a + b);
  const below = share(mean, a, b);
  return p <= below ? lowerQuantile(p, a, b, mean) : 1 - lowerQuantile(1 - p, b, a, 1 - mean);
}

/** The quantile where it is known to lie below the mean. */
function lowerQuantile(p: number, a: number, b: number, mean: number): number {
  let [low, high] = [0, mean];
  // Near 0 the share is x^a/(a·B).
  const logB = logGamma(a) + logGamma(b) - logGamma(a + b);
  let x = Math.min(mean, Math.exp((Math.log(p * a) + logB) / a));
  for (let round = 0; round < 200; round++) {
    const off = share(x, a, b) - p;
    if (off > 0) high = x;
    else low = x;
    const newton = x - off / density(x, a, b);
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - x) <= 1e-16 * x) return next;
    x = next;
  }
  return x;
}
