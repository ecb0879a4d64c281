/**
 * DPM-Solver and DPM-Solver++ without memory: steps of two or three model calls, each of which
 * starts from the sample of the first.
 *
 * Order 1, 2 or 3 (`solver_order`); one model call a timestep, of which there are as many as steps
 * asked for: a step of order 2 takes two of them, and its calls use one output, then two.
 *
 *     x' = σ'/σ·x − α'·(e^(−h) − 1)·(D0 + D1/2)        D1 = (m₀ − m₁)/r        r = (λ₀ − λ)/h
 *
 * This is the second call of `dpmsolver++` with `midpoint`; the other forms stand at `dpmStep` in
 * `@denoise/core`. x: [N, C, H, W] = α·x0 + σ·ε, any shape whose first axis is the batch, at the
 * first call of the step; m₀, m₁ = D0: x0 as predicted now and at the first call (ε with
 * `dpmsolver`); λ = log(α/σ), λ₀ now; h = λ' − λ: the step.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that contradicts itself: several sigma schedules, `final_sigmas_type` zero or a flow
 * prediction with `dpmsolver`.
 *
 * Lu et al., DPM-Solver, arXiv:2206.00927, algorithms 1 and 2; DPM-Solver++, arXiv:2211.01095. All
 * options of `DPMSolverSinglestepScheduler` in diffusers are covered. Without `lower_order_final`
 * diffusers writes it into the config when numbers do not divide; here the plan does so silently.
 *
 * @example
 * ```ts
 * import { DPMSolverSinglestepScheduler } from "@denoise/scheduler-dpmsolver-singlestep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DPMSolverSinglestepScheduler();
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
  betaOptions,
  checkSigmaConfig,
  convertOutput,
  defineScheduler,
  dpmStep,
  integratesDenoised,
  KARRAS_DIFFUSION_SCHEDULERS,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  outputDimsOf,
  planMultistep,
  SIGMA_RANGE,
  sigmaOptions,
  type SigmaPlan,
  singlestepCurve,
  thresholdOptions,
  trainedMultistepPlan,
} from "@denoise/schedules";

/** Options of {@linkcode DPMSolverSinglestepScheduler}, as in scheduler_config.json. */
export interface DPMSolverSinglestepConfig
  extends Omit<MultistepConfig, "timestep_spacing" | "steps_offset"> {
  /** How many calls a step has, 1 to 3. */
  readonly solver_order: 2 | 1 | 3;
  /** `"dpmsolver++"`, `"dpmsolver"` or `"sde-dpmsolver++"`. */
  readonly algorithm_type: "dpmsolver++" | "dpmsolver" | "sde-dpmsolver++";
  /** How differences of outputs are weighted: `"midpoint"` or `"heun"`. */
  readonly solver_type: "midpoint" | "heun";
  /** Whether the run ends with steps of lower order. */
  readonly lower_order_final: boolean;
  /** The last sigma: `"zero"`, or `"sigma_min"` for that of timestep 0. */
  readonly final_sigmas_type: "zero" | "sigma_min";
  /** How `mu` shifts flow sigmas. */
  readonly time_shift_type: "exponential";
}

interface SinglestepPlan extends SigmaPlan {
  /** How many outputs each call uses. */
  readonly orders: readonly number[];
}

interface SinglestepState {
  /** The last outputs, the newest first. */
  readonly outputs: readonly Tensor[];
  /** The sample at the first call of the step. */
  readonly start: Tensor;
}

const CLASS_NAME = "DPMSolverSinglestepScheduler";

/** Steps of several calls over the logarithm of the signal-to-noise ratio. */
export const DPMSolverSinglestepScheduler: SchedulerClass<DPMSolverSinglestepConfig> =
  defineScheduler<DPMSolverSinglestepConfig, SinglestepPlan, SinglestepState>({
    className: CLASS_NAME,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    foreignOptions: SIGMA_RANGE,
    planOptions: ["timesteps", "mu"],
    schema: {
      ...betaOptions,
      ...thresholdOptions,
      ...sigmaOptions,
      solver_order: oneOf(2, 1, 3),
      prediction_type: oneOf("epsilon", "flow_prediction", "sample", "v_prediction"),
      algorithm_type: replacing(oneOf("dpmsolver++", "dpmsolver", "sde-dpmsolver++"), {
        deis: "dpmsolver++",
      }),
      solver_type: replacing(oneOf("midpoint", "heun"), {
        logrho: "midpoint",
        bh1: "midpoint",
        bh2: "midpoint",
      }),
      lower_order_final: false,
      use_flow_sigmas: false,
      flow_shift: float(1),
      final_sigmas_type: oneOf("zero", "sigma_min"),
      lambda_min_clipped: float(-Infinity),
      variance_type: maybe(string),
      use_dynamic_shifting: false,
      time_shift_type: oneOf("exponential"),
    },
    outputDims: outputDimsOf,
    create(config) {
      checkConfig(config);
      const { algorithm_type: algorithm, solver_type: rule, use_flow_sigmas: flow } = config;
      const schedule = makeNoiseSchedule(config);
      const wanted = integratesDenoised(algorithm) ? "denoised" : "noise";
      const spacing = { timestep_spacing: "linspace", steps_offset: 0 } as const;
      const training = trainedMultistepPlan(schedule);
      return {
        training: { ...training, orders: ordersOf(config, training.timesteps.length) },
        plan(request) {
          const plan = planMultistep(CLASS_NAME, { ...config, ...spacing }, request, schedule, {
            last: () => config.final_sigmas_type === "zero" ? 0 : schedule.sigmas[0]!,
          });
          return { ...plan, orders: ordersOf(config, plan.timesteps.length) };
        },
        step({ sigmas, orders }, { index, sample, output, state, noise }) {
          const prediction = convertOutput(config, sample, output, sigmas[index]!, wanted);
          const outputs = [prediction, ...state?.outputs ?? []].slice(0, config.solver_order);
          const order = Math.min(orders[index]!, outputs.length);
          const start = order === 1 ? sample : state!.start;
          const levels = Array.from(
            { length: order + 1 },
            (_, i) => logSnrLevel(sigmas[index + 1 - i]!, flow),
          );
          const lambdas = levels.map(({ lambda }) => lambda);
          const next = dpmStep(start, {
            algorithm,
            from: levels[order]!,
            to: levels[0]!,
            curve: singlestepCurve(outputs.slice(0, order), lambdas, rule),
            noise: addsNoise(algorithm) ? noise() : undefined,
          });
          return { sample: next, state: { outputs, start } };
        },
        addNoise: (plan, original, noise, timesteps, index) =>
          addNoiseByLevel(plan, original, noise, timesteps, index, flow),
      };
    },
  });

/** A scheduler made by the class {@linkcode DPMSolverSinglestepScheduler}. */
export type DPMSolverSinglestepScheduler = Scheduler<DPMSolverSinglestepConfig>;

/** How many outputs each of the calls uses: 1, 2, 3, 1, 2, 3 ... with lower numbers at the end. */
function ordersOf(config: DPMSolverSinglestepConfig, calls: number): number[] {
  const { solver_order: order, final_sigmas_type: final } = config;
  const endsLow = config.lower_order_final || calls % order !== 0 || final === "zero";
  const orders = Array.from({ length: calls }, (_, i) => i % order + 1);
  if (!endsLow) return orders;
  if (order === 3 && calls % 3 === 0) orders.splice(-3, 3, 1, 2, 1);
  if (order === 2 && calls % 2 === 0) orders.splice(-2, 2, 1, 1);
  if (final === "zero") orders[calls - 1] = 1;
  return orders;
}

function checkConfig(config: DPMSolverSinglestepConfig): void {
  checkSigmaConfig(CLASS_NAME, config);
  const { algorithm_type: algorithm } = config;
  if (integratesDenoised(algorithm)) return;
  const refuse = (what: string): never => {
    throw new RangeError(
      `Cannot configure ${CLASS_NAME}: ${what} with algorithm_type ${JSON.stringify(algorithm)}`,
    );
  };
  if (config.final_sigmas_type === "zero") refuse('final_sigmas_type must be "sigma_min"');
  if (config.prediction_type === "flow_prediction") refuse("there is no flow_prediction");
}
