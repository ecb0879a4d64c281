import { float, oneOf, type Tensor } from "@denoise/core";
import type { SchedulerDefinition } from "./definition.ts";
import { makeNoiseSchedule } from "./alphas.ts";
import { type BetaConfig, betaOptions, type UsualBetaSchedule } from "./betas.ts";
import { toDenoised } from "./conversions.ts";
import { addNoiseByTimestep, velocityByTimestep } from "./forward.ts";
import { KARRAS_DIFFUSION_SCHEDULERS } from "./karras_compatibles.ts";
import { type ClipConfig, clipDenoised, thresholdOptions } from "./thresholding.ts";
import {
  planTimesteps,
  type SpacingConfig,
  spacingOptions,
  trainedTimesteps,
} from "./timesteps.ts";

/** Options of DDPM, as in scheduler_config.json. */
export interface DDPMConfig
  extends BetaConfig<UsualBetaSchedule | "sigmoid" | "laplace">, SpacingConfig, ClipConfig {
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
  /** The variance of the noise that a step adds; null, as configs of other schedulers have it, is `"fixed_small"`. */
  readonly variance_type:
    | "fixed_small"
    | "fixed_large"
    | "fixed_large_log"
    | "fixed_small_log"
    | "learned"
    | "learned_range"
    | null;
}

const f = Math.fround;

/**
 * DDPM under a class name (arXiv:2006.11239, algorithm 2), with the float32 steps of the reference;
 * `@denoise/scheduler-ddpm` explains it.
 */
export function ddpmDefinition(className: string): SchedulerDefinition<DDPMConfig> {
  return {
    className,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    cursor: "timestep",
    stepsUnplanned: true,
    planOptions: ["timesteps"],
    schema: {
      ...betaOptions,
      ...thresholdOptions,
      ...spacingOptions,
      beta_schedule: oneOf("linear", "laplace", "scaled_linear", "sigmoid", "squaredcos_cap_v2"),
      timestep_spacing: oneOf("leading", "linspace", "trailing"),
      variance_type: oneOf(
        "fixed_small",
        "fixed_large",
        "fixed_large_log",
        "fixed_small_log",
        "learned",
        "learned_range",
        null,
      ),
      clip_sample: true,
      prediction_type: oneOf("epsilon", "sample", "v_prediction"),
      clip_sample_range: float(1),
      rescale_betas_zero_snr: false,
    },
    outputDims: ({ variance_type }, dims) =>
      isLearned(variance_type) ? dims.with(1, dims[1]! * 2) : dims,
    create(config) {
      const { alphasCumprod } = makeNoiseSchedule(config);
      return {
        training: { timesteps: trainedTimesteps(config.num_train_timesteps) },
        plan: (request) => ({ timesteps: planTimesteps(config, request) }),
        step({ timesteps }, { index, timestep, sample: x, output, noise }) {
          const [prediction, variance] = isLearned(config.variance_type)
            ? output.chunk(2, 1)
            : [output];
          const next = timesteps[index + 1] ?? -1;
          const bar = alphasCumprod[timestep]!;
          const nextBar = next < 0 ? 1 : alphasCumprod[next]!;
          const alpha = f(bar / nextBar);
          const [beta, barLeft, nextBarLeft] = [f(1 - alpha), f(1 - bar), f(1 - nextBar)];

          const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(barLeft) };
          const x0 = clipDenoised(
            toDenoised(config.prediction_type, x, prediction!, level),
            config,
          );
          const mean = x0.mul(Math.sqrt(nextBar) * beta / barLeft)
            .add(x.mul(Math.sqrt(alpha) * nextBarLeft / barLeft));
          if (timestep === 0) return { sample: mean, denoised: x0 };
          const posterior = Math.max(f(f(nextBarLeft / barLeft) * beta), 1e-20);
          const sigma = deviation(config.variance_type, beta, posterior, variance);
          return { sample: mean.add(noise().mul(sigma)), denoised: x0 };
        },
        addNoise: (_plan, original, noise, timesteps) =>
          addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
        getVelocity: (_plan, sample, noise, timesteps) =>
          velocityByTimestep(alphasCumprod, sample, noise, timesteps),
      };
    },
  };
}

/** Whether the model predicts the variance too. */
function isLearned(type: DDPMConfig["variance_type"]): boolean {
  return type?.startsWith("learned") === true;
}

/**
 * σ for a type of variance.
 *
 * @param posterior Variance of x' where x0 is known, the smallest that there can be; β is the
 *   largest.
 * @param learned The model's: a variance, or for `learned_range` where between the two its
 *   logarithm lies (−1 .. 1).
 */
function deviation(
  type: DDPMConfig["variance_type"],
  beta: number,
  posterior: number,
  learned: Tensor | undefined,
): number | Tensor {
  switch (type) {
    case "learned":
      return learned!.sqrt();
    case "learned_range": {
      const share = learned!.add(1).div(2);
      const low = share.mul(-1).add(1).mul(Math.log(posterior));
      return share.mul(Math.log(beta)).add(low).mul(0.5).exp();
    }
    case "fixed_large":
    case "fixed_large_log":
      return Math.sqrt(beta);
    default:
      return Math.sqrt(posterior);
  }
}
