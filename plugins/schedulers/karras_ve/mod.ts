/**
 * Karras et al.'s stochastic sampler for variance exploding models.
 *
 * Order 2 with `stepCorrect`, 1 without; stochastic where `addNoiseToInput` raises the noise; two model
 * calls a step, one at the last.
 *
 *     addNoiseToInput:  σ̂ = σ·(1 + γ)        x̂ = x + √(σ̂² − σ²)·s·n
 *     step:             x0 = x̂ + σ̂·F         d = (x̂ − x0)/σ̂        x' = x̂ + d·(σ' − σ̂)
 *     stepCorrect:      d' = (x' − x0')/σ'     x" = x̂ + (d + d')/2·(σ' − σ̂),  x0' = x' + σ'·F'
 *
 * x, F, n: [N, C, H, W], any shape whose first axis is the batch; F, F': the model's outputs at x̂, σ̂ and
 * at x', σ', such that x + σ·F is the clean sample; n: standard normal noise; σ: its standard deviation
 * in units of the data, falling to σ' and at last to 0; s: `s_noise`; γ: `s_churn` over the number of
 * steps, √2 − 1 at most, where σ is from `s_min` to `s_max`, and 0 elsewhere.
 *
 * Timesteps count down to 0. As in diffusers, σ goes from `sigma_max`² to `sigma_min`², although the
 * first noise is multiplied with `sigma_max`. Before `setTimesteps` stands the plan of 50 steps.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for a plan of
 * a single step and for a correction of the last one. There is no `addNoise`.
 *
 * Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, arXiv:2206.00364,
 * algorithm 2. All options of `KarrasVeScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { KarrasVeScheduler } from "@denoise/scheduler-karras-ve";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new KarrasVeScheduler({ sigma_max: 10 });
 * scheduler.setTimesteps(10);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 3, 8, 8]).mul(scheduler.initNoiseSigma);
 * for (const [i, t] of scheduler.timesteps.entries()) {
 *   const { sample: noisy, sigma } = scheduler.addNoiseToInput(sample, t, { generator });
 *   const output = noisy.mul(-sigma / (sigma ** 2 + 1)); // a model's output
 *   sample = scheduler.step(output, t, noisy, { sigmaHat: sigma }).prevSample;
 *   const next = scheduler.sigmas![i + 1]!;
 *   if (next > 0) sample = scheduler.stepCorrect(sample.mul(-next / (next ** 2 + 1)), sample);
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { float, type Scheduler, type SchedulerClass, type Tensor } from "@denoise/core";
import { defineScheduler, type SigmaPlan } from "@denoise/schedules";

/** Options of {@linkcode KarrasVeScheduler}, as in scheduler_config.json. */
export interface KarrasVeConfig {
  /** Square root of the smallest σ. */
  readonly sigma_min: number;
  /** Square root of the largest σ, and standard deviation of the first noise. */
  readonly sigma_max: number;
  /** s, standard deviation of the noise that is added, a little above 1 to keep detail. */
  readonly s_noise: number;
  /** How much noise is added over the whole run. */
  readonly s_churn: number;
  /** Noise is added from this σ on. */
  readonly s_min: number;
  /** Noise is added up to this σ. */
  readonly s_max: number;
}

/** Options of a step. */
export interface KarrasVeStepOptions {
  /** σ̂, what `addNoiseToInput` gave. Defaults to the σ of the plan. */
  readonly sigmaHat?: number | undefined;
}

interface Step {
  readonly noisy: Tensor;
  readonly derivative: Tensor;
  readonly sigma: number;
  /** σ' − σ̂ */
  readonly change: number;
}

const CLASS_NAME = "KarrasVeScheduler";
const f = Math.fround;

/** Noise up, then a step of Heun's method. */
export const KarrasVeScheduler: SchedulerClass<KarrasVeConfig, KarrasVeStepOptions> =
  defineScheduler<KarrasVeConfig, SigmaPlan, Step, KarrasVeStepOptions>({
    className: CLASS_NAME,
    order: 2,
    stepOptions: ["sigmaHat"],
    schema: {
      sigma_min: float(0.02),
      sigma_max: 100,
      s_noise: float(1.007),
      s_churn: 80,
      s_min: float(0.05),
      s_max: 50,
    },
    create(config) {
      const plan = (steps: number): SigmaPlan => ({
        timesteps: Array.from({ length: steps }, (_, i) => steps - 1 - i),
        sigmas: [...squaredSigmas(config, steps), 0],
        initNoiseSigma: config.sigma_max,
      });
      return {
        training: plan(50),
        plan({ numInferenceSteps: steps }) {
          if (steps! > 1) return plan(steps!);
          throw new RangeError(
            `Cannot plan ${steps} step of ${CLASS_NAME}: σ falls between the first step and the ` +
              `last, so there must be 2 at least`,
          );
        },
        churn({ sigmas, timesteps }, { index, sample, noise }) {
          const sigma = sigmas[index]!;
          const raises = f(config.s_min) <= sigma && sigma <= f(config.s_max);
          const gamma = raises ? Math.min(config.s_churn / timesteps.length, Math.SQRT2 - 1) : 0;
          const raised = f(sigma + f(f(gamma) * sigma));
          const added = f(Math.sqrt(f(f(raised * raised) - f(sigma * sigma))));
          const n = noise(); // drawn where it is not needed, too, as in diffusers
          return { sample: sample.add(n.mul(config.s_noise).mul(added)), sigma: raised };
        },
        step({ sigmas }, { index, sample: noisy, output, options }) {
          const sigma = f(options.sigmaHat ?? sigmas[index]!);
          const change = f(sigmas[index + 1]! - sigma);
          const denoised = noisy.add(output.mul(sigma));
          const derivative = noisy.sub(denoised).div(sigma);
          return {
            sample: noisy.add(derivative.mul(change)),
            denoised,
            state: { noisy, derivative, sigma: sigmas[index + 1]!, change },
          };
        },
        correct(_plan, { sample, output, state }) {
          if (state === undefined || state.sigma === 0) {
            throw new RangeError(
              `Cannot correct a sample of ${CLASS_NAME}: ` +
                (state === undefined ? "take a step first" : "the last step ends at σ 0"),
            );
          }
          const { noisy, derivative, sigma, change } = state;
          const denoised = sample.add(output.mul(sigma));
          const after = sample.sub(denoised).div(sigma);
          return noisy.add(derivative.mul(0.5).add(after.mul(0.5)).mul(change));
        },
      };
    },
  });

/** A scheduler made by the class {@linkcode KarrasVeScheduler}. */
export type KarrasVeScheduler = Scheduler<KarrasVeConfig, KarrasVeStepOptions>;

/** From the square of the largest σ to that of the smallest, with equal steps of log σ, in float32. */
function squaredSigmas({ sigma_min, sigma_max }: KarrasVeConfig, steps: number): number[] {
  const ratio = f(sigma_min ** 2 / sigma_max ** 2);
  return Array.from({ length: steps }, (_, i) => {
    const share = f(i / (steps - 1));
    return f(f(sigma_max ** 2) * f(ratio ** share));
  });
}
