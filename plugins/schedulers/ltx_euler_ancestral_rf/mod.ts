/**
 * Euler's method with ancestral noise on a rectified flow: the scheduler of LTX-Video's ComfyUI
 * workflows.
 *
 * Order 1, stochastic where `eta` and `s_noise` are above 0, one model call a step.
 *
 *     x0 = x − σ·v        σd = σ'·(1 + (σ'/σ − 1)·η)        y = σd/σ·x + (1 − σd/σ)·x0
 *     x' = (1 − σ')/(1 − σd)·y + √(σ'² − σd²·(1 − σ')²/(1 − σd)²)·s·n
 *
 * x, v, n: any shape whose first axis is the batch; v = ε − x0: what the model predicts; n: standard
 * normal noise; σ: the share of noise, falling to σ' and at last to 0, where x' = x0; η: `eta`, s:
 * `s_noise`. Without sigmas of one's own they are those of FlowMatchEulerDiscreteScheduler for the
 * same config, keys that this class does not have included. Own sigmas are one more than steps; own
 * timesteps are taken for sigmas, as in diffusers. The end is no timestep here, where diffusers
 * appends it to `timesteps`.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`).
 *
 * k-diffusion's `sample_euler_ancestral`, for rectified flows in ComfyUI. All options of
 * `LTXEulerAncestralRFScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { LTXEulerAncestralRFScheduler } from "@denoise/scheduler-ltx-euler-ancestral-rf";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new LTXEulerAncestralRFScheduler();
 * scheduler.setTimesteps(8);
 * const generator = Generator.manualSeed(0);
 * let sample = generator.randn([1, 16, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import { float, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  defineScheduler,
  FLOW_PLAN_DEFAULTS,
  planFlow,
  type SigmaPlan,
  toFloat32,
  trainedFlowPlan,
} from "@denoise/schedules";

/** Options of {@linkcode LTXEulerAncestralRFScheduler}, as in scheduler_config.json. */
export interface LTXEulerAncestralRFConfig {
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** η: how far a step goes below the next sigma; 0 for none of the noise. */
  readonly eta: number;
  /** s: what the noise is multiplied with. */
  readonly s_noise: number;
}

const CLASS_NAME = "LTXEulerAncestralRFScheduler";
const f = Math.fround;
const TINY = 1e-12;

/** Euler's method along straight paths, with fresh noise at every step. */
export const LTXEulerAncestralRFScheduler: SchedulerClass<LTXEulerAncestralRFConfig> =
  defineScheduler<LTXEulerAncestralRFConfig, SigmaPlan>({
    className: CLASS_NAME,
    compatibles: ["FlowMatchEulerDiscreteScheduler"],
    foreignOptions: [...Object.keys(FLOW_PLAN_DEFAULTS), "sigma_min", "sigma_max"],
    planOptions: ["timesteps", "sigmas", "mu"],
    plansTogether: true,
    schema: {
      num_train_timesteps: 1000,
      eta: float(1),
      s_noise: float(1),
    },
    create(config) {
      const { num_train_timesteps: trained, eta, s_noise: scale } = config;
      const flow = { ...FLOW_PLAN_DEFAULTS, ...config };
      return {
        training: trainedFlowPlan(flow),
        plan(request) {
          const own = request.sigmas ?? request.timesteps;
          if (own === undefined) return planFlow(CLASS_NAME, flow, request);
          const sigmas = toFloat32(own);
          return { timesteps: sigmas.slice(0, -1).map((sigma) => f(sigma * trained)), sigmas };
        },
        step({ sigmas }, { index, sample, output, noise }) {
          const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
          const x = sample.astype("float32");
          const x0 = x.sub(output.astype("float32").mul(sigma));
          if (Math.abs(next) < 1e-8) return { sample: x0.astype(sample.dtype), denoised: x0 };

          const down = f(next * f(1 + f(f(f(next / sigma) - 1) * eta)));
          const ratio = f(down / sigma);
          const y = x.mul(ratio).add(x0.mul(f(1 - ratio)));
          if (eta <= 0 || scale <= 0) return { sample: y.astype(sample.dtype), denoised: x0 };
          const [alpha, alphaDown] = [f(1 - next), f(1 - down)];
          const kept = f(f(f(down * down) * f(alpha * alpha)) / f(f(alphaDown * alphaDown) + TINY));
          const up = f(Math.sqrt(Math.max(0, f(f(next * next) - kept))));
          const moved = y.mul(f(alpha / f(alphaDown + TINY))).add(noise().mul(up).mul(scale));
          return { sample: moved.astype(sample.dtype), denoised: x0 };
        },
      };
    },
  });

/** A scheduler made by the class {@linkcode LTXEulerAncestralRFScheduler}. */
export type LTXEulerAncestralRFScheduler = Scheduler<LTXEulerAncestralRFConfig>;
