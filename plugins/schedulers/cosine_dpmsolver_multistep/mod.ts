/**
 * DPM-Solver++ (SDE) with memory for models of EDM's formulation with cosine timesteps: the scheduler
 * of Stable Audio. Its noise is drawn from one Brownian path.
 *
 * Order 2 without its noise (`solver_order`; 1 in the first step and the last), stochastic, one
 * model call a step.
 *
 *     x0 = σd²/(σ² + σd²)·x − σ·σd/√(σ² + σd²)·F
 *     x' = σ'/σ·e^(−h)·x + (1 − e^(−2h))·(D0 + D1/2) + σ'·√(1 − e^(−2h))·n
 *
 * This is order 2 with `midpoint`; `heun` stands at `dpmStep` in `@denoise/core`. x, F, n: any shape
 * whose first axis is the batch; F: the model's output (with `epsilon` its sign is changed); D0: x0
 * now, D1: its difference to that of a step ago, scaled to the step; σ: standard deviation of the
 * noise, σd: that of the data; h = log(σ/σ'); n: the increment of the Brownian path from σ to σ',
 * divided by its standard deviation. The model is given x/√(σ² + σd²), which `scaleModelInput`
 * makes, and 2/π·atan(σ) as timestep.
 *
 * The Brownian path is the one of torchsde that diffusers takes, bit for bit, seeded as there with
 * the seed that the generator was started with, or one for each image. Without a generator the
 * seed is drawn from the default one.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * Lu et al., arXiv:2211.01095; k-diffusion, `sample_dpmpp_2m_sde`. All options of
 * `CosineDPMSolverMultistepScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { CosineDPMSolverMultistepScheduler } from "@denoise/scheduler-cosine-dpmsolver-multistep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new CosineDPMSolverMultistepScheduler();
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 64, 32]).mul(scheduler.initNoiseSigma);
 * for (const t of scheduler.timesteps) {
 *   const output = scheduler.scaleModelInput(sample, t).mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
  float,
  Generator,
  type GeneratorInput,
  oneOf,
  replacing,
  type Scheduler,
  type SchedulerClass,
  type StepOptions,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseBySigma,
  brownianNoise,
  defineScheduler,
  dpmStep,
  drawSeeds,
  type EDMConfig,
  edmDenoised,
  edmInput,
  edmLevel,
  edmOptions,
  edmSigmas,
  linspace32,
  multistepCurve,
  multistepOrder,
  type MultistepOrderConfig,
  type SigmaPlan,
} from "@denoise/schedules";

/** Options of {@linkcode CosineDPMSolverMultistepScheduler}, as in scheduler_config.json. */
export interface CosineDPMSolverMultistepConfig extends EDMConfig, MultistepOrderConfig {
  /** How many outputs a step uses, at most. */
  readonly solver_order: 1 | 2;
  /** How the difference of two outputs is weighted: `"midpoint"` or `"heun"`. */
  readonly solver_type: "midpoint" | "heun";
}

interface CosineState {
  /** The last outputs, the newest first. */
  readonly outputs: readonly Tensor[];
  /** Noise between two sigmas. */
  readonly noise: (from: number, to: number) => Tensor;
}

const f = Math.fround;

/** Stochastic multistep sampling on preconditioned outputs. */
export const CosineDPMSolverMultistepScheduler: SchedulerClass<CosineDPMSolverMultistepConfig> =
  defineScheduler<CosineDPMSolverMultistepConfig, SigmaPlan, CosineState, StepOptions>({
    className: "CosineDPMSolverMultistepScheduler",
    schema: {
      ...edmOptions,
      sigma_min: float(0.3),
      sigma_max: 500,
      sigma_data: float(1),
      sigma_schedule: oneOf("exponential", "karras"),
      prediction_type: oneOf("v_prediction", "epsilon"),
      solver_order: oneOf(2, 1),
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
      const { sigma_data: data, sigma_min: min, sigma_max: max } = config;
      const makePlan = (count: number, last: number): SigmaPlan => {
        const sigmas = edmSigmas(config, linspace32(0, 1, count), f);
        return {
          timesteps: sigmas.map((sigma) => f(f(f(Math.atan(sigma)) / f(Math.PI)) * 2)),
          sigmas: [...sigmas, f(last)],
          initNoiseSigma: Math.sqrt(max ** 2 + 1),
        };
      };
      return {
        training: makePlan(config.num_train_timesteps, 0),
        plan: ({ numInferenceSteps }) =>
          makePlan(numInferenceSteps!, config.final_sigmas_type === "zero" ? 0 : min),
        scaleModelInput: ({ sigmas }, index, sample) => edmInput(sample, sigmas[index]!, data),
        step({ timesteps, sigmas }, { index, sample: x, output, state, options }) {
          const noise = state?.noise ??
            brownianNoise({
              min,
              max,
              dims: x.dims,
              dtype: output.dtype === "float16" ? "float16" : "float32",
              seed: seedsOf(options.generator),
            });
          const earlier = state?.outputs ?? [];
          const x0 = edmDenoised(config, x, output, sigmas[index]!);
          const outputs = [x0, ...earlier].slice(0, config.solver_order);
          const order = multistepOrder(config, timesteps.length, index, earlier.length);
          const levels = Array.from(
            { length: order + 1 },
            (_, i) => edmLevel(sigmas[index + 1 - i]!),
          );
          const lambdas = levels.map(({ lambda }) => lambda);
          const next = dpmStep(x, {
            algorithm: "sde-dpmsolver++",
            from: levels[1]!,
            to: levels[0]!,
            curve: multistepCurve(outputs.slice(0, order), lambdas, config.solver_type),
            noise: noise(sigmas[index]!, sigmas[index + 1]!),
          });
          return { sample: next, denoised: x0, state: { outputs, noise } };
        },
        addNoise: addNoiseBySigma,
      };
    },
  });

/** A scheduler made by the class {@linkcode CosineDPMSolverMultistepScheduler}. */
export type CosineDPMSolverMultistepScheduler = Scheduler<CosineDPMSolverMultistepConfig>;

/** The seed that a generator was started with, or those of a list. */
function seedsOf(
  generator: GeneratorInput | undefined,
): number | bigint | readonly (number | bigint)[] {
  if (generator === undefined) return drawSeeds(undefined);
  if (generator instanceof Generator) return generator.initialSeed;
  return generator.map(({ initialSeed }) => initialSeed);
}
