/**
 * DPM-Solver++ with memory run backwards: from an image to the noise that it comes from, for editing
 * (DiffEdit, LEDITS).
 *
 * Order 1 or 2 (`solver_order`; lower in the first steps and, in runs of fewer than 15, in the last
 * ones), one model call a step; timesteps rise. `solver_order` 3 uses three outputs but converges with
 * order 2 too, here as in the reference.
 *
 * The formula, its symbols and its other forms are those of `DPMSolverMultistepScheduler` (see
 * `dpmStep` in `@denoise/core`) with σ' above σ, so that h = λ' − λ is negative.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a
 * config that contradicts itself: several sigma schedules, or a flow prediction with `dpmsolver`.
 *
 * Lu et al., DPM-Solver++, arXiv:2211.01095, algorithm 2. All options of
 * `DPMSolverMultistepInverseScheduler` in diffusers are covered but the stochastic forms, which give
 * samples that are not numbers there: noise cannot be taken away again. Where timesteps round to the same
 * integer all but the first are left out, and their sigmas are not, as there.
 *
 * @example
 * ```ts
 * import { DPMSolverMultistepInverseScheduler } from "@denoise/scheduler-dpmsolver-multistep-inverse";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new DPMSolverMultistepInverseScheduler({ use_karras_sigmas: true });
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
  roundHalfEven,
  type Scheduler,
  type SchedulerClass,
  string,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseByLevel,
  checkSigmaConfig,
  configuredSigmas,
  convertOutput,
  defineScheduler,
  dpmStep,
  flowSigmas,
  integratesDenoised,
  interp,
  KARRAS_DIFFUSION_SCHEDULERS,
  logSigmasOf,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  multistepCurve,
  multistepOptions,
  multistepOrder,
  type NoiseSchedule,
  outputDimsOf,
  planTimesteps,
  searchSorted,
  shiftSigmas,
  SIGMA_RANGE,
  type SigmaPlan,
  sigmaToTimestep,
  toFloat32,
  trainedLambdas,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode DPMSolverMultistepInverseScheduler}, as in scheduler_config.json. */
export interface DPMSolverMultistepInverseConfig extends MultistepConfig {
  /** How many outputs a step uses, 1 to 3. */
  readonly solver_order: 2 | 1 | 3;
  /** What is integrated: x0 (`"dpmsolver++"`) or ε (`"dpmsolver"`). */
  readonly algorithm_type: "dpmsolver++" | "dpmsolver";
  /** How the difference of two outputs is weighted: `"midpoint"` or `"heun"`. */
  readonly solver_type: "midpoint" | "heun";
  /** Whether runs of fewer than 15 steps end with steps of lower order. */
  readonly lower_order_final: boolean;
  /** Whether the last step is of order 1. */
  readonly euler_at_final: boolean;
}

const CLASS_NAME = "DPMSolverMultistepInverseScheduler";

/** From data to noise, multistep, over the logarithm of the signal-to-noise ratio. */
export const DPMSolverMultistepInverseScheduler: SchedulerClass<
  DPMSolverMultistepInverseConfig
> = defineScheduler<
  DPMSolverMultistepInverseConfig,
  SigmaPlan,
  readonly Tensor[]
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  foreignOptions: SIGMA_RANGE,
  schema: {
    ...multistepOptions,
    solver_order: oneOf(2, 1, 3),
    algorithm_type: replacing(oneOf("dpmsolver++", "dpmsolver"), { deis: "dpmsolver++" }),
    solver_type: replacing(oneOf("midpoint", "heun"), {
      logrho: "midpoint",
      bh1: "midpoint",
      bh2: "midpoint",
    }),
    lower_order_final: true,
    euler_at_final: false,
    lambda_min_clipped: float(-Infinity),
    variance_type: maybe(string),
  },
  outputDims: outputDimsOf,
  create(config) {
    checkConfig(config);
    const { algorithm_type: algorithm, solver_type: rule, use_flow_sigmas: flow } = config;
    const schedule = makeNoiseSchedule(config);
    const wanted = integratesDenoised(algorithm) ? "denoised" : "noise";

    return {
      training: {
        timesteps: trainedTimesteps(config.num_train_timesteps).reverse(),
        sigmas: [...schedule.sigmas],
      },
      plan: (request) => risingPlan(config, request.numInferenceSteps!, schedule),
      step({ timesteps, sigmas }, { index, sample, output, state: earlier = [] }) {
        const prediction = convertOutput(config, sample, output, sigmas[index]!, wanted);
        const outputs = [prediction, ...earlier].slice(0, config.solver_order);
        const order = multistepOrder(config, timesteps.length, index, earlier.length);
        const [to, ...levels] = Array.from(
          { length: order + 1 },
          (_, i) => logSnrLevel(sigmas[index + 1 - i]!, flow),
        );
        const lambdas = [to!, ...levels].map(({ lambda }) => lambda);
        const next = dpmStep(sample, {
          algorithm,
          from: levels[0]!,
          to: to!,
          curve: multistepCurve(outputs.slice(0, order), lambdas, rule),
        });
        return { sample: next, state: outputs };
      },
      addNoise: (plan, original, noise, timesteps, index) =>
        addNoiseByLevel(plan, original, noise, timesteps, index, flow),
    };
  },
});

/** A scheduler made by the class {@linkcode DPMSolverMultistepInverseScheduler}. */
export type DPMSolverMultistepInverseScheduler = Scheduler<
  DPMSolverMultistepInverseConfig
>;

/** Timesteps and sigmas that rise to the largest noise that is used. */
function risingPlan(
  config: DPMSolverMultistepInverseConfig,
  steps: number,
  schedule: NoiseSchedule,
): SigmaPlan {
  const { num_train_timesteps: trained } = config;
  const logSigmas = logSigmasOf(schedule.sigmas);
  const finish = (
    timesteps: readonly number[],
    sigmas: readonly number[],
    last: number,
  ): SigmaPlan => ({
    timesteps: [...new Set(timesteps)],
    sigmas: toFloat32([...sigmas, last]),
  });
  const clipped = searchSorted(
    trainedLambdas(schedule.alphasCumprod).reverse(),
    config.lambda_min_clipped ?? -Infinity,
  );
  const chosen = configuredSigmas(config, schedule.sigmas, steps);
  if (chosen !== undefined) {
    const round = config.use_karras_sigmas ? roundHalfEven : Math.trunc;
    const timesteps = chosen.map((sigma) => round(sigmaToTimestep(sigma, logSigmas)));
    return finish(timesteps, chosen, chosen.at(-1)!);
  }
  if (config.use_flow_sigmas) {
    const rising = flowSigmas(steps + 1, trained).map((sigma) => 1 - sigma);
    const sigmas = shiftSigmas(rising, config.flow_shift).reverse().slice(0, -1);
    return finish(sigmas.map((sigma) => Math.trunc(sigma * trained)), sigmas, sigmas.at(-1)!);
  }
  const usedTimesteps = trained - clipped;
  // but for trailing ones, one more is spaced and the noisiest left out, where the run ends
  const timesteps = config.timestep_spacing === "trailing"
    ? planTimesteps(config, { numInferenceSteps: steps }, { usedTimesteps }).reverse()
    : planTimesteps(config, { numInferenceSteps: steps + 1 }, { usedTimesteps }).slice(1).reverse();
  return finish(timesteps, interp(timesteps, schedule.sigmas), schedule.sigmas[usedTimesteps - 1]!);
}

function checkConfig(config: DPMSolverMultistepInverseConfig): void {
  checkSigmaConfig(CLASS_NAME, config);
  if (config.algorithm_type === "dpmsolver" && config.prediction_type === "flow_prediction") {
    throw new RangeError(
      `Cannot configure ${CLASS_NAME}: flow_prediction needs algorithm_type "dpmsolver++"`,
    );
  }
}
