import { fma, roundHalfEven } from "@denoise/core";

const f = Math.fround;

const LN2_HIGH = f(0.693145751953125);
const LN2_LOW = f(1.428606765330187045e-6);
const LOG2_E = f(1.442695040888963407359924681001892137426645954152985934135449406931);
const E0 = f(0.000198527617612853646278381);
const E1 = f(0.00139304355252534151077271);
const E2 = f(0.00833336077630519866943359);
const E3 = f(0.0416664853692054748535156);
const E4 = f(0.166666671633720397949219);

/**
 * e^x in float32 as torch's vector loops compute it (`expf` of the SLEEF library, at most 1 unit
 * in the last place off).
 */
export function exp32(x: number): number {
  if (x > 104 || x < -104) return x > 0 ? Infinity : 0;
  const q = roundHalfEven(f(x * LOG2_E));
  const s = fma(q, -LN2_LOW, fma(q, -LN2_HIGH, x));
  let u = fma(E0, s, E1);
  u = fma(u, s, E2);
  u = fma(u, s, E3);
  u = fma(u, s, E4);
  u = fma(u, s, 0.5);
  u = f(1 + fma(f(s * s), u, s));
  return f(u * 2 ** q);
}

/** 1/(1 + e^-x) in float32 as torch computes it. */
export function sigmoid32(x: number): number {
  return f(1 / f(1 + exp32(-x)));
}
