/**
 * SA-Solver: a stochastic Adams method with predictor and corrector, whose noise can be chosen for
 * every timestep. The corrector costs no model call.
 *
 * Order `predictor_order` without noise, `corrector_order` with its corrector (lower in the first
 * steps and the last ones), one model call a step; stochastic where τ is above 0, which is between
 * timesteps 200 and 800 by default.
 *
 *     x' = σ'/σ·e^(−τ²h)·x + (1 + τ²)·α'·Σₖ mₖ·∫ e^((1+τ²)u)·ℓₖ(u) du + σ'·√(1 − e^(−2τ²h))·n
 *
 * x: [N, C, H, W] = α·x0 + σ·ε, any shape whose first axis is the batch; n: standard normal noise, the
 * same for predictor and corrector of a step; mₖ: x0 as predicted k steps ago (for the corrector also
 * at the end of the step); ℓₖ: the Lagrange polynomial that is 1 where mₖ was predicted and 0 at the
 * others' places; u = λ − λ' from −h to 0, with λ = log(α/σ). With `noise_prediction` ε takes the
 * place of x0, α'/α that of σ'/σ·e^(−τ²h), −(1 + τ²)·σ'·∫ e^(−u)·ℓₖ du that of the integrals, and
 * τ·σ'·√(e^(2h) − 1) that of the factor of n. With two outputs the x0 form has two more terms that are
 * of higher order in h.
 *
 * τ(t) is the option `tauFunc` of `setTimesteps`, the `tau_func` of the constructor in diffusers, which
 * no file can hold.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that chooses several sigma schedules or a flow prediction with `noise_prediction`.
 *
 * Xue et al., SA-Solver, arXiv:2309.05019, algorithm 1. All options of `SASolverScheduler` in
 * diffusers are covered.
 *
 * @example
 * ```ts
 * import { SASolverScheduler } from "@denoise/scheduler-sasolver";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new SASolverScheduler();
 * scheduler.setTimesteps(20, { tauFunc: (t: number) => (t > 500 ? 1 : 0) });
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
  float,
  maybe,
  oneOf,
  type Scheduler,
  type SchedulerClass,
  string,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseByTimestep,
  checkSigmaConfig,
  convertOutput,
  defineScheduler,
  KARRAS_DIFFUSION_SCHEDULERS,
  lagrangePolynomial,
  type LogSnrLevel,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  multistepOptions,
  outputDimsOf,
  planMultistep,
  SIGMA_RANGE,
  type SigmaPlan,
  trainedMultistepPlan,
} from "@denoise/schedules";

/** Options of {@linkcode SASolverScheduler}, as in scheduler_config.json. */
export interface SASolverConfig extends MultistepConfig {
  /** Order of the predictor, 1 to 4. */
  readonly predictor_order: 2 | 1 | 3 | 4;
  /** Order of the corrector, 1 to 4. */
  readonly corrector_order: 2 | 1 | 3 | 4;
  /** null; τ is an option of `setTimesteps` here. */
  readonly tau_func: null;
  /** What is integrated: x0 (`"data_prediction"`) or ε (`"noise_prediction"`). */
  readonly algorithm_type: "data_prediction" | "noise_prediction";
  /** Whether the last steps are of lower order. */
  readonly lower_order_final: boolean;
}

interface SAPlan extends SigmaPlan {
  /** How much noise a step from the timestep has. */
  readonly tau: (timestep: number) => number;
}

interface SAState {
  /** The last outputs, the newest first. */
  readonly outputs: readonly Tensor[];
  /** The sample that the last step started from, corrected. */
  readonly sample: Tensor;
  /** The noise of the last step. */
  readonly noise: Tensor;
  /** τ of the last step. */
  readonly tau: number;
  /** Order of the corrector of the last step. */
  readonly order: number;
}

const CLASS_NAME = "SASolverScheduler";

/** τ = 1 in the middle of the run, 0 at its ends. */
const middleTau = (timestep: number): number => timestep >= 200 && timestep <= 800 ? 1 : 0;

/** Stochastic Adams methods over the logarithm of the signal-to-noise ratio. */
export const SASolverScheduler: SchedulerClass<SASolverConfig> = defineScheduler<
  SASolverConfig,
  SAPlan,
  SAState
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  planOptions: ["tauFunc"],
  schema: {
    ...multistepOptions,
    predictor_order: oneOf(2, 1, 3, 4),
    corrector_order: oneOf(2, 1, 3, 4),
    tau_func: oneOf(null),
    algorithm_type: oneOf("data_prediction", "noise_prediction"),
    lower_order_final: true,
    lambda_min_clipped: float(-Infinity),
    variance_type: maybe(string),
  },
  outputDims: outputDimsOf,
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    const integratesData = config.algorithm_type === "data_prediction";
    if (!integratesData && config.prediction_type === "flow_prediction") {
      throw new RangeError(
        `Cannot configure ${CLASS_NAME}: flow_prediction needs algorithm_type "data_prediction"`,
      );
    }
    const { use_flow_sigmas: flow, predictor_order, corrector_order } = config;
    const schedule = makeNoiseSchedule(config);
    const kept = Math.max(predictor_order, corrector_order - 1);
    return {
      training: { ...trainedMultistepPlan(schedule), tau: middleTau },
      plan: (request) => ({
        ...planMultistep(CLASS_NAME, config, request, schedule, {
          last: (sigmas, isChosen) => isChosen ? sigmas.at(-1)! : schedule.sigmas[0]!,
        }),
        tau: request["tauFunc"] as SAPlan["tau"] | undefined ?? middleTau,
      }),
      step({ timesteps, sigmas, tau }, { index, timestep, sample, output, state, noise }) {
        const wanted = integratesData ? "denoised" : "noise";
        const current = convertOutput(config, sample, output, sigmas[index]!, wanted);
        const levelsFrom = (place: number, count: number): LogSnrLevel[] =>
          Array.from({ length: count }, (_, i) => logSnrLevel(sigmas[place - i]!, flow));

        const corrected = state === undefined || index === 0 ? sample : adamsStep({
          integratesData,
          start: state.sample,
          from: logSnrLevel(sigmas[index - 1]!, flow),
          to: logSnrLevel(sigmas[index]!, flow),
          nodes: levelsFrom(index, state.order),
          outputs: [current, ...state.outputs],
          noise: state.noise,
          tau: state.tau,
          isCorrector: true,
        });
        const outputs = [current, ...state?.outputs ?? []].slice(0, kept);
        const left = config.lower_order_final ? timesteps.length - index : Infinity;
        const earlier = state?.outputs.length ?? 0;
        const drawn = noise();
        const next = adamsStep({
          integratesData,
          start: corrected,
          from: logSnrLevel(sigmas[index]!, flow),
          to: logSnrLevel(sigmas[index + 1]!, flow),
          nodes: levelsFrom(index, Math.min(predictor_order, left, earlier + 1)),
          outputs,
          noise: drawn,
          tau: tau(timestep),
          isCorrector: false,
        });
        const order = Math.min(corrector_order, left + 1, earlier + 2);
        return {
          sample: next,
          state: { outputs, sample: corrected, noise: drawn, tau: tau(timestep), order },
        };
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(schedule.alphasCumprod, original, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode SASolverScheduler}. */
export type SASolverScheduler = Scheduler<SASolverConfig>;

interface AdamsStep {
  readonly integratesData: boolean;
  /** The sample at the start of the step. */
  readonly start: Tensor;
  /** The level at its start. */
  readonly from: LogSnrLevel;
  /** The level at its end. */
  readonly to: LogSnrLevel;
  /** The levels of the outputs that are used, the newest first. */
  readonly nodes: readonly LogSnrLevel[];
  /** The outputs, the newest first. */
  readonly outputs: readonly Tensor[];
  readonly noise: Tensor;
  readonly tau: number;
  /** Whether the newest output is that of the end. */
  readonly isCorrector: boolean;
}

/** Adams-Bashforth from outputs before the step, Adams-Moulton with that of its end. */
function adamsStep(step: AdamsStep): Tensor {
  const { integratesData, start, from, to, nodes, outputs, noise, tau, isCorrector } = step;
  const h = to.lambda - from.lambda;
  const strength = 1 + tau ** 2;
  const k = integratesData ? strength : -1;
  const weights = nodes.map((_, i) =>
    exponentialIntegral(k, lagrangePolynomial(nodes.map((n) => n.lambda - to.lambda), i), h)
  );
  if (integratesData && nodes.length === 2) {
    const curved = (k * h - 1 + Math.exp(-k * h)) / k ** 2;
    const extra = isCorrector
      ? h / 2 - curved / h
      : (h ** 2 / 2 - curved) / (from.lambda - nodes[1]!.lambda);
    weights[0]! += extra;
    weights[1]! -= extra;
  }
  const factor = strength * (integratesData ? to.alpha : -to.sigma);
  const scale = integratesData
    ? Math.exp(-(tau ** 2) * h) * to.sigma / from.sigma
    : to.alpha / from.alpha;
  const deviation = integratesData
    ? to.sigma * Math.sqrt(1 - Math.exp(-2 * tau ** 2 * h))
    : tau * to.sigma * Math.sqrt(Math.exp(2 * h) - 1);
  return weights
    .map((weight, i) => outputs[i]!.mul(factor * weight))
    .reduce((sum, part) => sum.add(part), start.mul(scale))
    .add(noise.mul(deviation));
}

/** ∫ e^(ku)·p(u) du from −h to 0, for a polynomial given by its coefficients, the constant first. */
function exponentialIntegral(k: number, polynomial: readonly number[], h: number): number {
  const end = Math.exp(-k * h);
  let moment = -Math.expm1(-k * h) / k; // ∫ e^(ku)·u^j du
  return polynomial.reduce((sum, coefficient, j) => {
    if (j > 0) moment = -((-h) ** j * end + j * moment) / k;
    return sum + coefficient * moment;
  }, 0);
}
