/**
 * PNDM: a linear multistep method (Adams-Bashforth) along the curves on which samples lie, the
 * default of Stable Diffusion 1.x.
 *
 * Order 2 (the paper's theorem; the combination of outputs is Adams-Bashforth's of order 4). It
 * starts with Runge-Kutta steps, or with `skip_prk_steps` with combinations of fewer outputs. One
 * model call a timestep, of which there are more than steps: one more with `skip_prk_steps` (the
 * second timestep comes twice), nine more without it.
 *
 *     e = (55·ε₀ − 59·ε₁ + 37·ε₂ − 9·ε₃)/24
 *     x' = √(ᾱ'/ᾱ)·x − (ᾱ' − ᾱ)·e/(ᾱ·√(1 − ᾱ') + √(ᾱ·(1 − ᾱ)·ᾱ'))
 *
 * x, e: [N, C, H, W], any shape; ε₀ … ε₃: the model's outputs, the newest first; ᾱ: what is left of
 * the signal's variance at the timestep, ᾱ': ⌊trained/steps⌋ timesteps later (after the last: 1, or
 * ᾱ of timestep 0 without `set_alpha_to_one`).
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a RangeError for
 * fewer than 4 steps without `skip_prk_steps`.
 *
 * Liu et al., Pseudo Numerical Methods for Diffusion Models on Manifolds, arXiv:2202.09778,
 * algorithm 2 (F-PNDM) and equation 11. All options of `PNDMScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { PNDMScheduler } from "@denoise/scheduler-pndm";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new PNDMScheduler({ skip_prk_steps: true, steps_offset: 1 });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(scheduler.timesteps.length); // 11
 * ```
 *
 * @module
 */
import {
  oneOf,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
  type Tensor,
} from "@denoise/core";
import {
  adamsBashforth,
  addNoiseByTimestep,
  type BetaConfig,
  betaOptions,
  defineScheduler,
  KARRAS_DIFFUSION_SCHEDULERS,
  makeNoiseSchedule,
  planTimesteps,
  type SpacingConfig,
  spacingOptions,
  toNoise,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode PNDMScheduler}, as in scheduler_config.json. */
export interface PNDMConfig extends BetaConfig, SpacingConfig {
  /** Whether to start with steps of lower order instead of Runge-Kutta steps. */
  readonly skip_prk_steps: boolean;
  /** Whether ᾱ is 1 after the last step; that of timestep 0 otherwise. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "v_prediction";
}

interface PNDMPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
  /** How many of the first timesteps are Runge-Kutta ones, four for each step. */
  readonly rungeKutta: number;
}

interface PNDMState {
  /** Calls since the start of the run, wherever in the plan that was. */
  readonly calls: number;
  /** Outputs at the start of the last steps, the newest first, at most four. */
  readonly outputs: readonly Tensor[];
  /** The sample at the start of the step that is under way. */
  readonly sample?: Tensor | undefined;
  /** The weighted sum of the Runge-Kutta step's outputs so far. */
  readonly sum?: Tensor | undefined;
}

const f = Math.fround;

/** The second-last timestep twice, since the first step is taken again with a better output. */
function multistepTimesteps(falling: readonly number[]): number[] {
  return falling.length < 2 ? [...falling] : falling.toSpliced(1, 0, falling[1]!);
}

/** t, t − s/2, t − s/2, t − s of three steps, where t − s is the next step's t. */
function rungeKuttaTimesteps(falling: readonly number[], half: number): number[] {
  return falling.slice(0, 3).flatMap((t, i) => {
    const next = falling[i + 1]!;
    return [t, next + half, next + half, next];
  });
}

/** Multistep sampling with up to four outputs. */
export const PNDMScheduler: SchedulerClass<PNDMConfig> = defineScheduler<
  PNDMConfig,
  PNDMPlan,
  PNDMState
>({
  className: "PNDMScheduler",
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  schema: {
    ...betaOptions,
    ...spacingOptions,
    timestep_spacing: oneOf("leading", "linspace", "trailing"),
    skip_prk_steps: false,
    set_alpha_to_one: false,
    prediction_type: oneOf("epsilon", "v_prediction"),
  },
  create(config) {
    const { num_train_timesteps: trained, prediction_type: prediction } = config;
    const { alphasCumprod } = makeNoiseSchedule(config);
    const finalBar = config.set_alpha_to_one ? 1 : alphasCumprod[0]!;

    /** The sample at timestep `next`, from the sample and an output at timestep t. */
    const transfer = (x: Tensor, t: number, next: number, output: Tensor): Tensor => {
      const bar = alphasCumprod[t]!;
      const nextBar = next < 0 ? finalBar : alphasCumprod[next]!;
      const [barLeft, nextBarLeft] = [f(1 - bar), f(1 - nextBar)];
      const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(barLeft) };
      const e = toNoise(prediction, x, output, level);
      const scale = bar * Math.sqrt(nextBarLeft) + Math.sqrt(f(f(bar * barLeft) * nextBar));
      return x.mul(Math.sqrt(f(nextBar / bar))).sub(e.mul(f(nextBar - bar)).div(scale));
    };

    const rungeKuttaStep = (
      plan: PNDMPlan,
      timestep: number,
      sample: Tensor,
      output: Tensor,
      state: PNDMState,
    ): { sample: Tensor; state: PNDMState } => {
      const { calls, sum } = state;
      const stage = calls % 4;
      const start = stage === 0 ? sample : state.sample ?? sample;
      const weighted = output.mul(stage === 0 || stage === 3 ? 1 / 6 : 1 / 3);
      const total = sum === undefined ? weighted : sum.add(weighted);
      const half = Math.floor(plan.stride / 2);
      const next = stage % 2 === 0 ? timestep - half : timestep;
      const from = plan.timesteps[calls - stage]!;
      return {
        sample: transfer(start, from, next, stage === 3 ? total : output),
        state: {
          calls: calls + 1,
          outputs: stage === 0 ? [output, ...state.outputs] : state.outputs,
          sample: start,
          sum: stage === 3 ? undefined : total,
        },
      };
    };

    const multistep = (
      { stride }: PNDMPlan,
      timestep: number,
      sample: Tensor,
      output: Tensor,
      { calls, outputs, sample: start }: PNDMState,
    ): { sample: Tensor; state: PNDMState } => {
      if (calls === 1) { // the first step again, with the mean of its outputs at both ends
        const mean = output.add(outputs[0]!).div(2);
        return {
          sample: transfer(start!, timestep + stride, timestep, mean),
          state: { calls: 2, outputs },
        };
      }
      const latest = [output, ...outputs].slice(0, 4);
      return {
        sample: transfer(sample, timestep, timestep - stride, adamsBashforth(latest)),
        state: { calls: calls + 1, outputs: latest, sample: calls === 0 ? sample : undefined },
      };
    };

    return {
      training: { timesteps: trainedTimesteps(trained), stride: 1, rungeKutta: 0 },
      plan(request) {
        const steps = request.numInferenceSteps!;
        const falling = planTimesteps(config, request);
        const stride = Math.floor(trained / steps);
        if (config.skip_prk_steps) {
          return { timesteps: multistepTimesteps(falling), stride, rungeKutta: 0 };
        }
        if (falling.length < 4) {
          throw new RangeError(
            `Cannot plan ${steps} steps of PNDMScheduler: a Runge-Kutta start takes at least 4; ` +
              "take more, or set skip_prk_steps",
          );
        }
        const start = rungeKuttaTimesteps(falling, Math.floor(stride / 2));
        return { timesteps: [...start, ...falling.slice(3)], stride, rungeKutta: start.length };
      },
      step(plan, { timestep, sample, output, state = { calls: 0, outputs: [] } }) {
        const take = state.calls < plan.rungeKutta ? rungeKuttaStep : multistep;
        return take(plan, timestep, sample, output, state);
      },
      addNoise: (_plan, original, noise, timesteps) =>
        addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
    };
  },
});

/** A scheduler made by the class {@linkcode PNDMScheduler}. */
export type PNDMScheduler = Scheduler<PNDMConfig>;
