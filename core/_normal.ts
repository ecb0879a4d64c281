import { fma } from "./float32.ts";

/**
 * Standard normal numbers by the Box-Muller method, in the float32 arithmetic of torch's CPU
 * kernel (`normal_fill_AVX2`): logarithm, sine and cosine are the single-precision polynomials of
 * the Cephes library (`logf`, `sinf`, `cosf`), with the multiplications and additions fused where
 * the released wheels of torch fuse them.
 */

const f = Math.fround;

const HALF_ROOT_2 = f(0.707106781186547524);
const LN2_LOW = f(-2.12194440e-4);
const LN2_HIGH = f(0.693359375);
const L0 = f(7.0376836292e-2);
const L1 = f(-1.1514610310e-1);
const L2 = f(1.1676998740e-1);
const L3 = f(-1.2420140846e-1);
const L4 = f(1.4249322787e-1);
const L5 = f(-1.6668057665e-1);
const L6 = f(2.0000714765e-1);
const L7 = f(-2.4999993993e-1);
const L8 = f(3.3333331174e-1);

const POWERS_OF_2 = Float64Array.from({ length: 25 }, (_, power) => 2 ** power);

/** Natural logarithm of u, a multiple of 2^-24 up to 1. */
function log(u: number): number {
  // u = m·2^e with m in √½..√2
  let e = 8 - Math.clz32(u * 2 ** 24);
  let m = e > 0 ? 0.5 : u * POWERS_OF_2[-e]!;
  if (m < HALF_ROOT_2) {
    e -= 1;
    m += m;
  }
  const x = m - 1;
  const z = f(x * x);
  let y = fma(L0, x, L1);
  y = fma(y, x, L2);
  y = fma(y, x, L3);
  y = fma(y, x, L4);
  y = fma(y, x, L5);
  y = fma(y, x, L6);
  y = fma(y, x, L7);
  y = fma(y, x, L8);
  y = fma(f(y * x), z, f(e * LN2_LOW));
  y = fma(z, -0.5, y);
  return fma(e, LN2_HIGH, f(x + y));
}

const TWO_PI = f(2 * Math.PI);
const FOUR_BY_PI = f(1.27323954473516);
const QUARTER_PI_1 = f(-0.78515625);
const QUARTER_PI_2 = f(-2.4187564849853515625e-4);
const QUARTER_PI_3 = f(-3.77489497744594108e-8);
const C0 = f(2.443315711809948e-5);
const C1 = f(-1.388731625493765e-3);
const C2 = f(4.166664568298827e-2);
const S0 = f(-1.9515295891e-4);
const S1 = f(8.3321608736e-3);
const S2 = f(-1.6666654611e-1);

/** √(−2 ln(1 − u)) of the uniform numbers in the first half of each block of 16. */
function fillRadii(out: Float32Array, start: number, end: number): void {
  for (let block = start; block < end; block += 16) {
    for (let i = block; i < block + 8; i++) {
      out[i] = Math.sqrt(f(-2 * log(1 - out[i]!)));
    }
  }
}

/** Turns a radius at `i` and a uniform number of [0, 1) at `k` into two normal numbers. */
function rotate(out: Float32Array, i: number, k: number): void {
  const radius = out[i]!;
  const angle = f(TWO_PI * out[k]!);
  const octant = (f(angle * FOUR_BY_PI) + 1) & ~1; // 0, 2, 4, 6, 8
  let x = fma(octant, QUARTER_PI_1, angle);
  x = fma(octant, QUARTER_PI_2, x);
  x = fma(octant, QUARTER_PI_3, x);
  const z = f(x * x);
  let c = f(fma(fma(C0, z, C1), z, C2) * z);
  c = f(fma(c, z, -f(z * 0.5)) + 1);
  let s = f(fma(fma(S0, z, S1), z, S2) * z);
  s = fma(s, x, x);
  const turned = (octant & 2) !== 0;
  const cos = octant === 2 || octant === 4 ? -(turned ? s : c) : turned ? s : c;
  const sin = (octant & 4) !== 0 ? -(turned ? c : s) : turned ? c : s;
  out[i] = radius * cos + 0; // + 0 makes -0 a 0, as adding the mean does
  out[k] = radius * sin + 0;
}

/**
 * Turns uniform numbers of [0, 1) from `start` up to `end` into normal ones, in blocks of 16 in
 * which places 0..7 pair with 8..15.
 */
export function normalBlocks(
  out: Float32Array | Float64Array,
  start: number,
  end: number,
): void {
  if (out instanceof Float64Array) return normalBlocks64(out, start, end);
  // Two passes, since the compiler of V8 expands only so many calls of fma in one function.
  fillRadii(out, start, end);
  for (let block = start; block < end; block += 16) {
    for (let i = block; i < block + 8; i++) rotate(out, i, i + 8);
  }
}

/** The same for float64, in float64 arithmetic. */
function normalBlocks64(out: Float64Array, start: number, end: number): void {
  for (let block = start; block < end; block += 16) {
    for (let i = block; i < block + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - out[i]!));
      const angle = 2 * Math.PI * out[i + 8]!;
      out[i] = radius * Math.cos(angle);
      out[i + 8] = radius * Math.sin(angle);
    }
  }
}
