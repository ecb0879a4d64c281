/**
 * DPM-Solver++ with memory in Karras et al.'s own formulation (EDM), as Playground 2.5 uses it.
 *
 * Order 1 or 2 (`solver_order`; lower in the first steps and, in runs of fewer than 15, in the last
 * ones), one model call a step. `solver_order` 3 uses three outputs but converges with order 2 too,
 * here as in the reference.
 *
 *     x0 = σd²/(σ² + σd²)·x + σ·σd/√(σ² + σd²)·F
 *     x' = σ'/σ·x − (e^(−h) − 1)·(D0 + D1/2)        D1 = (m₀ − m₁)/r        r = (λ − λ₁)/h
 *
 * This is order 2 with `midpoint`; the other forms stand at `dpmStep` in `@denoise/core`. x, F:
 * [N, C, H, W], any shape whose first axis is the batch; F: the model's output (with `v_prediction`
 * its sign is changed); m₀ = D0, m₁: x0 now and a step ago; σ: standard deviation of the noise, σd:
 * that of the data; λ = −log σ; h = λ' − λ. The model is given x/√(σ² + σd²), which
 * `scaleModelInput` makes, and log(σ)/4 as timestep.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for
 * runs of `sde-dpmsolver++` with `solver_order` 3 that would come to use three outputs.
 *
 * Lu et al., arXiv:2211.01095; Karras et al., arXiv:2206.00364. All options of
 * `EDMDPMSolverMultistepScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { EDMDPMSolverMultistepScheduler } from "@denoise/scheduler-edm-dpmsolver-multistep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new EDMDPMSolverMultistepScheduler();
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { oneOf, replacing, type Scheduler, type SchedulerClass, type Tensor } from "@denoise/core";
import {
  addNoiseBySigma,
  addsNoise,
  type ClipConfig,
  defineScheduler,
  dpmStep,
  dynamicThreshold,
  type EDMConfig,
  edmDenoised,
  edmInput,
  edmLevel,
  edmOptions,
  edmSigmas,
  edmTimestep,
  linspace32,
  multistepCurve,
  multistepOrder,
  type MultistepOrderConfig,
  type SigmaPlan,
  thresholdOptions,
  usesThree,
} from "@denoise/schedules";

/** Options of {@linkcode EDMDPMSolverMultistepScheduler}, as in scheduler_config.json. */
export interface EDMDPMSolverMultistepConfig extends EDMConfig, ClipConfig, MultistepOrderConfig {
  /** How many outputs a step uses, at most. */
  readonly solver_order: 1 | 2 | 3;
  /** `"dpmsolver++"`, or `"sde-dpmsolver++"` for its stochastic form. */
  readonly algorithm_type: "dpmsolver++" | "sde-dpmsolver++";
  /** How the difference of two outputs is weighted: `"midpoint"` or `"heun"`. */
  readonly solver_type: "midpoint" | "heun";
}

const CLASS_NAME = "EDMDPMSolverMultistepScheduler";

/** Multistep sampling on preconditioned outputs. */
export const EDMDPMSolverMultistepScheduler: SchedulerClass<EDMDPMSolverMultistepConfig> =
  defineScheduler<EDMDPMSolverMultistepConfig, SigmaPlan, readonly Tensor[]>({
    className: CLASS_NAME,
    schema: {
      ...edmOptions,
      ...thresholdOptions,
      solver_order: oneOf(2, 1, 3),
      algorithm_type: replacing(oneOf("dpmsolver++", "sde-dpmsolver++"), { deis: "dpmsolver++" }),
      solver_type: replacing(oneOf("midpoint", "heun"), {
        logrho: "midpoint",
        bh1: "midpoint",
        bh2: "midpoint",
      }),
      lower_order_final: true,
      euler_at_final: false,
      final_sigmas_type: oneOf("zero", "sigma_min"),
    },
    create(config) {
      const { sigma_data: data, algorithm_type: algorithm } = config;
      const makePlan = (count: number, last: number): SigmaPlan => {
        const sigmas = edmSigmas(config, linspace32(0, 1, count), Math.fround);
        return {
          timesteps: sigmas.map(edmTimestep),
          sigmas: [...sigmas, Math.fround(last)],
          initNoiseSigma: Math.sqrt(config.sigma_max ** 2 + 1),
        };
      };
      const last = config.final_sigmas_type === "zero" ? 0 : config.sigma_min;
      return {
        training: makePlan(config.num_train_timesteps, 0),
        plan({ numInferenceSteps: steps }) {
          if (addsNoise(algorithm) && usesThree(config, steps!)) {
            throw new RangeError(
              `Cannot plan ${steps} steps of ${CLASS_NAME}: with algorithm_type ` +
                `${JSON.stringify(algorithm)} solver_order must be 1 or 2, but is 3`,
            );
          }
          return makePlan(steps!, last);
        },
        scaleModelInput: ({ sigmas }, index, sample) => edmInput(sample, sigmas[index]!, data),
        step({ timesteps, sigmas }, { index, sample: x, output, state: earlier = [], noise }) {
          const plain = edmDenoised(config, x, output, sigmas[index]!);
          const x0 = config.thresholding ? dynamicThreshold(plain, config) : plain;
          const outputs = [x0, ...earlier].slice(0, config.solver_order);
          const order = multistepOrder(config, timesteps.length, index, earlier.length);
          const levels = Array.from(
            { length: order + 1 },
            (_, i) => edmLevel(sigmas[index + 1 - i]!),
          );
          const lambdas = levels.map(({ lambda }) => lambda);
          const next = dpmStep(x, {
            algorithm,
            from: levels[1]!,
            to: levels[0]!,
            curve: multistepCurve(outputs.slice(0, order), lambdas, config.solver_type),
            noise: addsNoise(algorithm) ? noise() : undefined,
          });
          return { sample: next, denoised: x0, state: outputs };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode EDMDPMSolverMultistepScheduler}. */
export type EDMDPMSolverMultistepScheduler = Scheduler<EDMDPMSolverMultistepConfig>;
