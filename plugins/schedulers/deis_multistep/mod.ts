/**
 * DEIS: an exponential integrator that fits the noise with a polynomial in log ρ, ρ = σ/α.
 *
 * Order 1, 2 or 3 (`solver_order`; lower in the first steps and, in runs of fewer than 15, in the last
 * ones), one model call a step.
 *
 *     x' = α'·(x/α + Σₖ εₖ·∫ ℓₖ(log ρ) dρ)   from ρ to ρ'
 *
 * x: [N, C, H, W] = α·x0 + σ·ε, any shape whose first axis is the batch; εₖ: the noise as predicted k
 * steps ago; ℓₖ: the Lagrange polynomial that is 1 at log ρ of k steps ago and 0 at the others'.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules, or a `mu` that the config does not use.
 *
 * Zhang and Chen, Fast Sampling of Diffusion Models with Exponential Integrator, arXiv:2204.13902
 * (ρAB). All options of `DEISMultistepScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { DEISMultistepScheduler } from "@denoise/scheduler-deis-multistep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DEISMultistepScheduler({ solver_order: 3 });
 * scheduler.setTimesteps(20);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { oneOf, replacing, type Scheduler, type SchedulerClass, type Tensor } from "@denoise/core";
import {
  addNoiseByLevel,
  checkSigmaConfig,
  convertOutput,
  defineScheduler,
  dpmStep,
  KARRAS_DIFFUSION_SCHEDULERS,
  type LogSnrLevel,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  multistepOptions,
  multistepOrder,
  planMultistep,
  SIGMA_RANGE,
  type SigmaPlan,
  toNoise,
  trainedMultistepPlan,
} from "@denoise/schedules";

/** Options of {@linkcode DEISMultistepScheduler}, as in scheduler_config.json. */
export interface DEISMultistepConfig extends MultistepConfig {
  /** Order of the method, 1 to 3. */
  readonly solver_order: 2 | 1 | 3;
  /** `"deis"`. */
  readonly algorithm_type: "deis";
  /** `"logrho"`. */
  readonly solver_type: "logrho";
  /** Whether runs of fewer than 15 steps end with steps of lower order. */
  readonly lower_order_final: boolean;
  /** How `mu` shifts flow sigmas. */
  readonly time_shift_type: "exponential";
}

const CLASS_NAME = "DEISMultistepScheduler";
const f = Math.fround;

/** Multistep sampling with polynomials in log ρ. */
export const DEISMultistepScheduler: SchedulerClass<DEISMultistepConfig> = defineScheduler<
  DEISMultistepConfig,
  SigmaPlan,
  readonly Tensor[]
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  planOptions: ["mu"],
  schema: {
    ...multistepOptions,
    solver_order: oneOf(2, 1, 3),
    algorithm_type: replacing(oneOf("deis"), { dpmsolver: "deis", "dpmsolver++": "deis" }),
    solver_type: replacing(oneOf("logrho"), {
      midpoint: "logrho",
      heun: "logrho",
      bh1: "logrho",
      bh2: "logrho",
    }),
    lower_order_final: true,
    use_dynamic_shifting: false,
    time_shift_type: oneOf("exponential"),
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const { use_flow_sigmas: flow } = config;
    const schedule = makeNoiseSchedule(config);

    return {
      training: trainedMultistepPlan(schedule),
      plan: (request) =>
        planMultistep(CLASS_NAME, config, request, schedule, {
          last: (sigmas, isChosen) => isChosen ? sigmas.at(-1)! : schedule.sigmas[0]!,
        }),
      step({ timesteps, sigmas }, { index, sample: x, output, state: earlier = [] }) {
        const [to, from, ...others] = [1, 0, -1, -2]
          .map((offset) => sigmas[index + offset])
          .filter((sigma) => sigma !== undefined)
          .map((sigma) => logSnrLevel(sigma, flow));
        const x0 = convertOutput(config, x, output, sigmas[index]!, "denoised");
        const epsilon = toNoise("sample", x, x0, from!);
        const outputs = [epsilon, ...earlier].slice(0, config.solver_order);
        const order = multistepOrder(config, timesteps.length, index, earlier.length);
        if (order === 1) {
          const curve = { d0: epsilon };
          const next = dpmStep(x, { algorithm: "dpmsolver", from: from!, to: to!, curve });
          return { sample: next, denoised: x0, state: outputs };
        }
        const nodes = [from!, ...others].slice(0, order).map(rho);
        const change = nodes
          .map((_, k) => outputs[k]!.mul(weight(nodes, k, rho(to!))))
          .reduce((sum, part) => sum.add(part), x.div(from!.alpha));
        return { sample: change.mul(to!.alpha), denoised: x0, state: outputs };
      },
      addNoise: (plan, original, noise, timesteps, index) =>
        addNoiseByLevel(plan, original, noise, timesteps, index, flow),
    };
  },
});

/** A scheduler made by the class {@linkcode DEISMultistepScheduler}. */
export type DEISMultistepScheduler = Scheduler<DEISMultistepConfig>;

/** ρ: noise in units of the signal. */
function rho({ alpha, sigma }: LogSnrLevel): number {
  return f(sigma / alpha);
}

/**
 * ∫ ℓ(log ρ) dρ from the first node to the end, ℓ being 1 at the chosen node. Rounded to float32 at
 * every operation, in the reference's order: the terms are large and nearly cancel.
 */
function weight(nodes: readonly number[], chosen: number, end: number): number {
  const log = (x: number): number => f(Math.log(x));
  const others = [...nodes.slice(chosen + 1), ...nodes.slice(0, chosen)].map(log);
  const [b, c, d] = [log(nodes[chosen]!), ...others] as [number, number, number | undefined];
  const primitive = (t: number): number => {
    const l = log(t);
    if (d === undefined) return f(f(t * f(f(l - c) - 1)) / f(b - c));
    const first = f(c * f(f(d - l) + 1));
    const square = f(l * l);
    const sum = f(f(f(f(f(first - f(d * l)) + d) + square) - f(2 * l)) + 2);
    return f(f(t * sum) / f(f(b - c) * f(b - d)));
  };
  return f(primitive(end) - primitive(nodes[0]!));
}
