import type { Tensor } from "@denoise/core";
import { expMinusOne, type LogSnrLevel } from "./log_snr.ts";

const f = Math.fround;

/** Whether the algorithm goes by x0; it goes by ε otherwise. */
export function integratesDenoised(algorithm: string): boolean {
  return algorithm.endsWith("++");
}

/** Whether the algorithm adds noise at every step. */
export function addsNoise(algorithm: string): boolean {
  return algorithm.startsWith("sde-");
}

/** What is known of the curve of the model's outputs over λ, at the start of a step. */
export interface OutputCurve {
  /** The output. */
  readonly d0: Tensor;
  /** Its first difference, scaled to the step. */
  readonly d1?: Tensor | undefined;
  /** Its second difference, scaled to the step. */
  readonly d2?: Tensor | undefined;
  /** How the first difference is weighted: by half, or by its own integral (`heun`). */
  readonly rule?: string | undefined;
}

/** One step of DPM-Solver. */
export interface DpmStep {
  /**
   * `"dpmsolver"`, `"dpmsolver++"`, `"sde-dpmsolver"` or `"sde-dpmsolver++"`: what is integrated, x0 (`++`) or
   * ε, without noise or with it (`sde-`).
   */
  readonly algorithm: string;
  /** The level that x is at. */
  readonly from: LogSnrLevel;
  /** The level that x' will be at. */
  readonly to: LogSnrLevel;
  /** The outputs. */
  readonly curve: OutputCurve;
  /** Standard normal noise, for the algorithms that add it. */
  readonly noise?: Tensor | undefined;
}

/**
 * A step of DPM-Solver, DPM-Solver++ or their stochastic forms, all of which are
 *
 *     x' = c·x − w·(E·D0 + (E/s − 1)·D1 + ((E − s)/s² − ½)·D2) + u·n        E = eˢ − 1
 *
 * with h = λ' − λ and these factors (`midpoint` weighs D1 with E/2):
 *
 *     dpmsolver++        c = σ'/σ            w = α'     s = −h
 *     dpmsolver          c = α'/α            w = σ'     s = h
 *     sde-dpmsolver++    c = σ'/σ·e^(−h)     w = α'     s = −2h     u = σ'·√(1 − e^(−2h))
 *     sde-dpmsolver      c = α'/α            w = 2σ'    s = h       u = σ'·√(e^(2h) − 1)
 *
 * For sde-dpmsolver++ the reference adds ½ to the factor of D2 instead of taking it away, which is
 * done here too.
 *
 * Lu et al., arXiv:2206.00927 (algorithms 1 and 2) and arXiv:2211.01095 (algorithm 2).
 */
export function dpmStep(x: Tensor, { algorithm, from, to, curve, noise }: DpmStep): Tensor {
  const h = f(to.lambda - from.lambda);
  const { c, w, s, u } = factors(algorithm, from, to, h);
  const E = expMinusOne(s);
  const { d0, d1, d2, rule } = curve;
  let result = x.mul(c).sub(d0.mul(f(w * E)));
  if (d1 !== undefined) {
    const weight = rule === "midpoint" ? f(0.5 * f(w * E)) : f(w * f(f(E / s) - 1));
    result = result.sub(d1.mul(weight));
  }
  if (d2 !== undefined) {
    const half = algorithm === "sde-dpmsolver++" ? -0.5 : 0.5;
    result = result.sub(d2.mul(f(w * f(f(f(E - s) / f(s * s)) - half))));
  }
  return noise === undefined || u === 0 ? result : result.add(noise.mul(u));
}

/** The part of a config that lowers the order of single steps. */
export interface MultistepOrderConfig {
  /** How many outputs a step uses, at most. */
  readonly solver_order: number;
  /** Whether runs of fewer than 15 steps end with steps of lower order. */
  readonly lower_order_final: boolean;
  /** Whether the last step is of order 1. */
  readonly euler_at_final?: boolean | undefined;
  /** `"zero"` makes the last step one of order 1. */
  readonly final_sigmas_type?: "zero" | "sigma_min" | undefined;
}

/** How many outputs the step at a place of the plan uses, after `earlier` steps of the run. */
export function multistepOrder(
  config: MultistepOrderConfig,
  steps: number,
  index: number,
  earlier: number,
): number {
  const isShort = config.lower_order_final && steps < 15;
  const endsLow = isShort || config.euler_at_final || config.final_sigmas_type === "zero";
  const most = index === steps - 1 && endsLow ? 1 : index === steps - 2 && isShort ? 2 : 3;
  return Math.min(config.solver_order, earlier + 1, most);
}

/** Whether a run of that many steps comes to use three outputs. */
export function usesThree(config: MultistepOrderConfig, steps: number): boolean {
  return Array.from({ length: steps }, (_, i) => multistepOrder(config, steps, i, i)).includes(3);
}

interface Factors {
  readonly c: number;
  readonly w: number;
  readonly s: number;
  readonly u: number;
}

function factors(algorithm: string, from: LogSnrLevel, to: LogSnrLevel, h: number): Factors {
  const [signal, noise] = [f(to.alpha / from.alpha), f(to.sigma / from.sigma)];
  switch (algorithm) {
    case "dpmsolver++":
      return { c: noise, w: to.alpha, s: -h, u: 0 };
    case "dpmsolver":
      return { c: signal, w: to.sigma, s: h, u: 0 };
    case "sde-dpmsolver++":
      return {
        c: f(noise * f(Math.exp(-h))),
        w: to.alpha,
        s: -2 * h,
        u: f(to.sigma * f(Math.sqrt(f(1 - f(Math.exp(-2 * h)))))),
      };
    default:
      return {
        c: signal,
        w: 2 * to.sigma,
        s: h,
        u: f(to.sigma * f(Math.sqrt(expMinusOne(2 * h)))),
      };
  }
}

/**
 * The curve of the last outputs at the last of them (multistep), by divided differences over λ.
 *
 * @param outputs The newest first, one to three.
 * @param lambdas λ of the end of the step, then of each output.
 * @param rule How the first difference of two is weighted; three always take `heun`.
 */
export function multistepCurve(
  outputs: readonly Tensor[],
  lambdas: readonly number[],
  rule: string,
): OutputCurve {
  const [m0, m1, m2] = outputs;
  const [end, l0, l1, l2] = lambdas;
  const h = f(end! - l0!);
  if (m1 === undefined) return { d0: m0! };
  const r0 = f(f(l0! - l1!) / h);
  const near = m0!.sub(m1).mul(1 / r0);
  if (m2 === undefined) return { d0: m0!, d1: near, rule };
  const r1 = f(f(l1! - l2!) / h);
  const far = m1.sub(m2).mul(1 / r1);
  const change = near.sub(far);
  const span = f(r0 + r1);
  return {
    d0: m0!,
    d1: near.add(change.mul(f(r0 / span))),
    d2: change.mul(f(1 / span)),
    rule: "heun",
  };
}

/**
 * The curve of the outputs within a step at the first of them (singlestep), by divided differences
 * over λ.
 *
 * @param outputs The newest first, one to three.
 * @param lambdas λ of the end of the step, then of each output.
 * @param rule How differences are weighted; with three `midpoint` uses the newest difference alone.
 */
export function singlestepCurve(
  outputs: readonly Tensor[],
  lambdas: readonly number[],
  rule: string,
): OutputCurve {
  const [m0, m1, m2] = outputs;
  const [end, l0, l1, l2] = lambdas;
  if (m1 === undefined) return { d0: m0! };
  if (m2 === undefined) {
    const r = f(f(l0! - l1!) / f(end! - l1!));
    return { d0: m1, d1: m0!.sub(m1).mul(1 / r), rule };
  }
  const h = f(end! - l2!);
  const [r0, r1] = [f(f(l0! - l2!) / h), f(f(l1! - l2!) / h)];
  const near = m1.sub(m2).mul(1 / r1);
  const far = m0!.sub(m2).mul(1 / r0);
  if (rule === "midpoint") return { d0: m2, d1: far, rule: "heun" };
  const span = f(r0 - r1);
  return {
    d0: m2,
    d1: near.mul(r0).sub(far.mul(r1)).div(span),
    d2: far.sub(near).mul(2).div(span),
    rule,
  };
}
