/**
 * Euler's method on a rectified flow: the scheduler of Stable Diffusion 3, Flux and most models
 * since.
 *
 * Order 1, one model call a step; stochastic with `stochastic_sampling`.
 *
 *     x = (1 − σ)·x0 + σ·ε        v = ε − x0        x' = x + (σ' − σ)·v
 *
 * x, v: any shape whose first axis is the batch; v: what the model predicts; σ: the share of noise,
 * falling from 1 to 0. Sigmas are shifted towards noise by `shift` (twice without sigmas of one's
 * own, as in diffusers), or with `use_dynamic_shifting` by the `mu` given to `setTimesteps`, which
 * `dynamicShift` of `@denoise/schedules` works out. Stochastic steps go to x0 and add fresh noise:
 * x' = (1 − σ')·(x − σ·v) + σ'·n.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a TypeError where `mu`
 * is missing or numbers of steps, timesteps and sigmas differ.
 *
 * Esser et al., arXiv:2403.03206; Lipman et al., Flow Matching, arXiv:2210.02747. All options of
 * `FlowMatchEulerDiscreteScheduler` in diffusers are covered: its `scale_noise` is `addNoise`, its
 * `set_shift` the option `shift` of `setTimesteps`. The options s_churn, s_tmin, s_tmax and s_noise
 * of its `step`, which do nothing there, do not exist here.
 *
 * @example
 * ```ts
 * import { FlowMatchEulerDiscreteScheduler } from "@denoise/scheduler-flow-match-euler-discrete";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new FlowMatchEulerDiscreteScheduler({ shift: 3 });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 16, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import type { Scheduler, SchedulerClass, Tensor } from "@denoise/core";
import {
  addFlowNoise,
  checkSigmaConfig,
  defineScheduler,
  flowOptions,
  type FlowPlanConfig,
  planFlow,
  SIGMA_RANGE,
  type SigmaPlan,
  trainedFlowPlan,
} from "@denoise/schedules";

/** Options of {@linkcode FlowMatchEulerDiscreteScheduler}, as in scheduler_config.json. */
export interface FlowMatchEulerDiscreteConfig extends FlowPlanConfig {
  /** Whether steps go to x0 and add fresh noise. */
  readonly stochastic_sampling: boolean;
}

/** Options of a step. */
export interface FlowMatchEulerDiscreteStepOptions {
  /** Timesteps of their own for each token, [N, tokens], with samples [N, tokens, C]. */
  readonly perTokenTimesteps?: Tensor | undefined;
}

const CLASS_NAME = "FlowMatchEulerDiscreteScheduler";
const f = Math.fround;

/** Euler's method along straight paths from noise to data. */
export const FlowMatchEulerDiscreteScheduler: SchedulerClass<
  FlowMatchEulerDiscreteConfig,
  FlowMatchEulerDiscreteStepOptions
> = defineScheduler<
  FlowMatchEulerDiscreteConfig,
  SigmaPlan,
  undefined,
  FlowMatchEulerDiscreteStepOptions
>({
  className: CLASS_NAME,
  foreignOptions: SIGMA_RANGE,
  planOptions: ["timesteps", "sigmas", "mu", "shift"],
  plansTogether: true,
  stepOptions: ["perTokenTimesteps"],
  schema: {
    ...flowOptions,
    stochastic_sampling: false,
  },
  create(config) {
    checkSigmaConfig(CLASS_NAME, config);
    return {
      training: trainedFlowPlan(config),
      plan: (request) => planFlow(CLASS_NAME, config, request),
      step({ sigmas }, { index, sample, output, noise, options }) {
        const x = sample.astype("float32");
        const { perTokenTimesteps } = options;
        if (perTokenTimesteps !== undefined) {
          const sigma = perTokenTimesteps.div(config.num_train_timesteps).unsqueeze(-1);
          const next = sigma.map((s) => Math.max(0, ...sigmas.filter((own) => own < s - 1e-6)));
          if (!config.stochastic_sampling) return { sample: x.add(output.mul(sigma.sub(next))) };
          const x0 = x.sub(output.mul(sigma));
          const kept = next.mul(-1).add(1);
          return { sample: x0.mul(kept).add(noise().mul(next)), denoised: x0 };
        }
        const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
        const x0 = x.sub(output.mul(sigma));
        const moved = config.stochastic_sampling
          ? x0.mul(f(1 - next)).add(noise().mul(next))
          : x.add(output.mul(f(next - sigma)));
        return { sample: moved.astype(output.dtype), denoised: x0 };
      },
      addNoise: addFlowNoise,
    };
  },
});

/** A scheduler made by the class {@linkcode FlowMatchEulerDiscreteScheduler}. */
export type FlowMatchEulerDiscreteScheduler = Scheduler<
  FlowMatchEulerDiscreteConfig,
  FlowMatchEulerDiscreteStepOptions
>;
