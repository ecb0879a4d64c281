/**
 * DPM-Solver and DPM-Solver++ with memory: exponential integrators in λ = log(α/σ), good images in
 * 20 steps. Also their stochastic forms.
 *
 * Order 1 or 2 (`solver_order`; lower in the first steps and, in runs of fewer than 15, in the last
 * ones), one model call a step. `solver_order` 3 uses three outputs but converges with order 2 too:
 * the weight of D2 is half of the exact integral's, here as in the reference.
 *
 *     x' = σ'/σ·x − α'·(e^(−h) − 1)·(D0 + D1/2)        D1 = (m₀ − m₁)/r        r = (λ − λ₁)/h
 *
 * This is `dpmsolver++` of order 2 with `midpoint`; the other forms stand at `dpmStep` in
 * `@denoise/core`. x: [N, C, H, W] = α·x0 + σ·ε, any shape whose first axis is the batch; m₀ = D0,
 * m₁: x0 as predicted now and a step ago (ε with `dpmsolver`); h = λ' − λ: the step.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that contradicts itself: several sigma schedules, `final_sigmas_type` zero or a flow
 * prediction with `dpmsolver`; also for runs of `sde-dpmsolver` that would use three outputs.
 *
 * Lu et al., DPM-Solver, arXiv:2206.00927; DPM-Solver++, arXiv:2211.01095, algorithm 2. All options
 * of `DPMSolverMultistepScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { DPMSolverMultistepScheduler } from "@denoise/scheduler-dpmsolver-multistep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DPMSolverMultistepScheduler({ use_karras_sigmas: true });
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
import {
  float,
  maybe,
  oneOf,
  replacing,
  type Scheduler,
  type SchedulerClass,
  string,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseByLevel,
  addsNoise,
  checkSigmaConfig,
  convertOutput,
  defineScheduler,
  dpmStep,
  integratesDenoised,
  KARRAS_DIFFUSION_SCHEDULERS,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  multistepCurve,
  multistepOptions,
  multistepOrder,
  outputDimsOf,
  planMultistep,
  SIGMA_RANGE,
  type SigmaPlan,
  trainedMultistepPlan,
  usesThree,
} from "@denoise/schedules";

/** Options of {@linkcode DPMSolverMultistepScheduler}, as in scheduler_config.json. */
export interface DPMSolverMultistepConfig extends MultistepConfig {
  /** How many outputs a step uses, 1 to 3. */
  readonly solver_order: 2 | 1 | 3;
  /** `"dpmsolver++"` and `"dpmsolver"`, or with `"sde-"` before it their stochastic forms. */
  readonly algorithm_type: "dpmsolver++" | "dpmsolver" | "sde-dpmsolver" | "sde-dpmsolver++";
  /** How the difference of two outputs is weighted: `"midpoint"` or `"heun"`. */
  readonly solver_type: "midpoint" | "heun";
  /** Whether runs of fewer than 15 steps end with steps of lower order. */
  readonly lower_order_final: boolean;
  /** Whether the last step is of order 1. */
  readonly euler_at_final: boolean;
  /** The last sigma: `"zero"`, or `"sigma_min"` for that of timestep 0. */
  readonly final_sigmas_type: "zero" | "sigma_min";
  /** How `mu` shifts flow sigmas. */
  readonly time_shift_type: "exponential";
}

/** Options of a step. */
export interface DPMSolverMultistepStepOptions {
  /** n of the stochastic forms, in place of noise from the generator. */
  readonly varianceNoise?: Tensor | undefined;
}

const CLASS_NAME = "DPMSolverMultistepScheduler";

/** Multistep sampling over the logarithm of the signal-to-noise ratio. */
export const DPMSolverMultistepScheduler: SchedulerClass<
  DPMSolverMultistepConfig,
  DPMSolverMultistepStepOptions
> = defineScheduler<
  DPMSolverMultistepConfig,
  SigmaPlan,
  readonly Tensor[],
  DPMSolverMultistepStepOptions
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  planOptions: ["timesteps", "mu"],
  stepOptions: ["varianceNoise"],
  schema: {
    ...multistepOptions,
    solver_order: oneOf(2, 1, 3),
    algorithm_type: replacing(
      oneOf("dpmsolver++", "dpmsolver", "sde-dpmsolver", "sde-dpmsolver++"),
      { deis: "dpmsolver++" },
    ),
    solver_type: replacing(oneOf("midpoint", "heun"), {
      logrho: "midpoint",
      bh1: "midpoint",
      bh2: "midpoint",
    }),
    lower_order_final: true,
    euler_at_final: false,
    use_lu_lambdas: false,
    final_sigmas_type: oneOf("zero", "sigma_min"),
    lambda_min_clipped: float(-Infinity),
    variance_type: maybe(string),
    rescale_betas_zero_snr: false,
    use_dynamic_shifting: false,
    time_shift_type: oneOf("exponential"),
  },
  outputDims: outputDimsOf,
  create(config) {
    checkConfig(config);
    const { algorithm_type: algorithm, solver_type: rule, use_flow_sigmas: flow } = config;
    const schedule = makeNoiseSchedule(config, { lastAlphaCumprod: 2 ** -24 });
    const wanted = integratesDenoised(algorithm) ? "denoised" : "noise";

    return {
      training: trainedMultistepPlan(schedule),
      plan(request) {
        const plan = planMultistep(CLASS_NAME, config, request, schedule, {
          last: () => config.final_sigmas_type === "zero" ? 0 : schedule.sigmas[0]!,
          rounds: config.beta_schedule !== "squaredcos_cap_v2",
        });
        const steps = plan.timesteps.length;
        if (algorithm === "sde-dpmsolver" && usesThree(config, steps)) {
          throw new RangeError(
            `Cannot plan ${steps} steps of ${CLASS_NAME}: with algorithm_type ` +
              `${JSON.stringify(algorithm)} solver_order must be 1 or 2, but is 3`,
          );
        }
        return plan;
      },
      step({ timesteps, sigmas }, { index, sample, output, state: earlier = [], noise, options }) {
        const prediction = convertOutput(config, sample, output, sigmas[index]!, wanted);
        const outputs = [prediction, ...earlier].slice(0, config.solver_order);
        const order = multistepOrder(config, timesteps.length, index, earlier.length);
        const [to, ...levels] = Array.from(
          { length: order + 1 },
          (_, i) => logSnrLevel(sigmas[index + 1 - i]!, flow),
        );
        const lambdas = [to!, ...levels].map(({ lambda }) => lambda);
        const next = dpmStep(sample.astype("float32"), {
          algorithm,
          from: levels[0]!,
          to: to!,
          curve: multistepCurve(outputs.slice(0, order), lambdas, rule),
          noise: addsNoise(algorithm) ? options.varianceNoise ?? noise() : undefined,
        });
        return { sample: next.astype(prediction.dtype), state: outputs };
      },
      addNoise: (plan, original, noise, timesteps, index) =>
        addNoiseByLevel(plan, original, noise, timesteps, index, flow),
    };
  },
});

/** A scheduler made by the class {@linkcode DPMSolverMultistepScheduler}. */
export type DPMSolverMultistepScheduler = Scheduler<
  DPMSolverMultistepConfig,
  DPMSolverMultistepStepOptions
>;

function checkConfig(config: DPMSolverMultistepConfig): void {
  checkSigmaConfig(CLASS_NAME, config);
  const { algorithm_type: algorithm } = config;
  const refuse = (what: string): never => {
    throw new RangeError(
      `Cannot configure ${CLASS_NAME}: ${what} with algorithm_type ${JSON.stringify(algorithm)}`,
    );
  };
  if (!integratesDenoised(algorithm)) {
    if (config.final_sigmas_type === "zero") refuse('final_sigmas_type must be "sigma_min"');
    if (config.prediction_type === "flow_prediction") refuse("there is no flow_prediction");
  }
}
