/**
 * Euler's method in Karras et al.'s own formulation (EDM), as Playground 2.5 uses it.
 *
 * Order 1, one model call a step; stochastic where `sChurn` is above 0.
 *
 *     x0 = σd²/(σ² + σd²)·x + σ·σd/√(σ² + σd²)·F        d = (x − x0)/σ        x' = x + d·(σ' − σ)
 *
 * x, F: [N, C, H, W], any shape whose first axis is the batch; F: the model's output (with
 * `v_prediction` its sign is changed); σ: standard deviation of the noise, falling to σ' and at last
 * to 0; σd: that of the data. The model is given x/√(σ² + σd²), which `scaleModelInput` makes, and
 * log(σ)/4 as timestep. With churn, noise first raises σ to σ̂ = σ·(1 + γ).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Karras et al., arXiv:2206.00364, algorithm 2 without its second order. All options of
 * `EDMEulerScheduler` in diffusers are covered but the `sigmas` of set_timesteps, which it takes for
 * the ramp that sigmas are made from.
 *
 * @example
 * ```ts
 * import { EDMEulerScheduler } from "@denoise/scheduler-edm-euler";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new EDMEulerScheduler();
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
import { oneOf, type Scheduler, type SchedulerClass, type Tensor } from "@denoise/core";
import {
  addNoiseBySigma,
  defineScheduler,
  type EDMConfig,
  edmDenoised,
  edmInput,
  edmOptions,
  edmSigmas,
  edmTimestep,
  linspace,
  type SigmaPlan,
} from "@denoise/schedules";

/** Options of {@linkcode EDMEulerScheduler}, as in scheduler_config.json. */
export interface EDMEulerConfig extends EDMConfig {
  /** The last sigma: `"zero"`, or `"sigma_min"` for that of the last timestep. */
  readonly final_sigmas_type: "zero" | "sigma_min";
}

/** Options of a step, with the letters of the paper's algorithm 2. */
export interface EDMEulerStepOptions {
  /** How much noise is added over the whole run. Defaults to 0. */
  readonly sChurn?: number | undefined;
  /** Noise is added from this σ on. Defaults to 0. */
  readonly sTmin?: number | undefined;
  /** Noise is added up to this σ. Defaults to Infinity. */
  readonly sTmax?: number | undefined;
  /** Standard deviation of the noise that is added. Defaults to 1. */
  readonly sNoise?: number | undefined;
  /** x0, in place of what follows from the output. */
  readonly predOriginalSample?: Tensor | undefined;
}

const f = Math.fround;

/** Euler's method on preconditioned outputs. */
export const EDMEulerScheduler: SchedulerClass<EDMEulerConfig, EDMEulerStepOptions> =
  defineScheduler<EDMEulerConfig, SigmaPlan, undefined, EDMEulerStepOptions>({
    className: "EDMEulerScheduler",
    stepOptions: ["sChurn", "sTmin", "sTmax", "sNoise", "predOriginalSample"],
    schema: {
      ...edmOptions,
      final_sigmas_type: oneOf("zero", "sigma_min"),
    },
    create(config) {
      const { sigma_data: data } = config;
      const makePlan = (ramp: readonly number[]): SigmaPlan => {
        const sigmas = edmSigmas(config, ramp);
        const last = config.final_sigmas_type === "zero" ? 0 : sigmas.at(-1)!;
        return {
          timesteps: sigmas.map(edmTimestep),
          sigmas: [...sigmas, last],
          initNoiseSigma: Math.sqrt(config.sigma_max ** 2 + 1),
        };
      };
      return {
        training: makePlan(linspace(0, 1, config.num_train_timesteps + 1)),
        plan: ({ numInferenceSteps }) => makePlan(linspace(0, 1, numInferenceSteps!)),
        scaleModelInput: ({ sigmas }, index, sample) => edmInput(sample, sigmas[index]!, data),
        step({ sigmas }, { index, sample, output, noise, options }) {
          const { sChurn = 0, sTmin = 0, sTmax = Infinity, sNoise = 1 } = options;
          const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
          const gamma = sTmin <= sigma && sigma <= sTmax
            ? Math.min(sChurn / (sigmas.length - 1), Math.SQRT2 - 1)
            : 0;
          const raised = f(sigma * f(gamma + 1));
          const added = Math.sqrt(f(f(raised * raised) - f(sigma * sigma)));

          let x = sample.astype("float32");
          if (gamma > 0) x = x.add(noise().mul(sNoise).mul(added));
          const x0 = options.predOriginalSample ?? edmDenoised(config, x, output, raised);
          const d = x.sub(x0).div(raised);
          return { sample: x.add(d.mul(f(next - raised))).astype(output.dtype), denoised: x0 };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode EDMEulerScheduler}. */
export type EDMEulerScheduler = Scheduler<EDMEulerConfig, EDMEulerStepOptions>;
