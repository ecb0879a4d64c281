import { float, oneOf, type SchedulerPlan, type StepOptions, type Tensor } from "@denoise/core";
import type { SchedulerDefinition } from "./definition.ts";
import { makeNoiseSchedule } from "./alphas.ts";
import { type BetaConfig, betaOptions } from "./betas.ts";
import { toDenoised, toNoise } from "./conversions.ts";
import { addNoiseByTimestep, velocityByTimestep } from "./forward.ts";
import { KARRAS_DIFFUSION_SCHEDULERS } from "./karras_compatibles.ts";
import { type ClipConfig, clipDenoised, thresholdOptions } from "./thresholding.ts";
import {
  planTimesteps,
  type SpacingConfig,
  spacingOptions,
  trainedTimesteps,
} from "./timesteps.ts";

/** Options of DDIM, as in scheduler_config.json. */
export interface DDIMConfig extends BetaConfig, SpacingConfig, ClipConfig {
  /** Whether ᾱ is 1 after the last step; that of timestep 0 otherwise. */
  readonly set_alpha_to_one: boolean;
  /** What the model predicts: `"epsilon"`, `"sample"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
}

/** Options of a step of DDIM. */
export interface DDIMStepOptions extends StepOptions {
  /** η, the share of DDPM's noise that is added. Defaults to 0. */
  readonly eta?: number | undefined;
  /** Whether ε is worked out again from the clipped x0. Defaults to false. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** n, in place of noise from the generator. */
  readonly varianceNoise?: Tensor | undefined;
}

/** The plan of a run of DDIM. */
export interface DDIMPlan extends SchedulerPlan {
  /** Trained timesteps from one step to the next. */
  readonly stride: number;
}

const f = Math.fround;

/**
 * DDIM under a class name (arXiv:2010.02502, equation 12), with the float32 steps of the reference;
 * `@denoise/scheduler-ddim` explains it.
 */
export function ddimDefinition(
  className: string,
): SchedulerDefinition<DDIMConfig, DDIMPlan, undefined, DDIMStepOptions> {
  return {
    className,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    cursor: "timestep",
    stepOptions: ["eta", "useClippedModelOutput", "varianceNoise"],
    schema: {
      ...betaOptions,
      ...thresholdOptions,
      ...spacingOptions,
      timestep_spacing: oneOf("leading", "linspace", "trailing"),
      clip_sample: true,
      set_alpha_to_one: true,
      prediction_type: oneOf("epsilon", "sample", "v_prediction"),
      clip_sample_range: float(1),
      rescale_betas_zero_snr: false,
    },
    create(config) {
      const { num_train_timesteps: trained, prediction_type: prediction } = config;
      const { alphasCumprod } = makeNoiseSchedule(config);
      const finalBar = config.set_alpha_to_one ? 1 : alphasCumprod[0]!;
      return {
        training: { timesteps: trainedTimesteps(trained), stride: 1 },
        plan: (request) => ({
          timesteps: planTimesteps(config, request),
          stride: Math.floor(trained / request.numInferenceSteps!),
        }),
        step({ stride }, { timestep, sample: x, output, noise, options }) {
          const { eta = 0, useClippedModelOutput = false, varianceNoise, generator } = options;
          if (varianceNoise !== undefined && generator !== undefined) {
            throw new TypeError(
              `Cannot step ${className}: give either generator or varianceNoise, not both`,
            );
          }
          const bar = alphasCumprod[timestep]!;
          const nextBar = timestep < stride ? finalBar : alphasCumprod[timestep - stride]!;
          const level = { alpha: Math.sqrt(bar), sigma: Math.sqrt(f(1 - bar)) };
          const variance = f(f(f(1 - nextBar) / f(1 - bar)) * f(1 - f(bar / nextBar)));
          const sigma = f(eta * f(Math.sqrt(variance)));

          const x0 = clipDenoised(toDenoised(prediction, x, output, level), config);
          const epsilon = useClippedModelOutput
            ? toNoise("sample", x, x0, level)
            : toNoise(prediction, x, output, level);
          // 0 for η = 1 from ᾱ = 0, which rounding can make negative
          const rest = Math.max(0, f(f(1 - nextBar) - f(sigma * sigma)));
          const direction = epsilon.mul(Math.sqrt(rest));
          const mean = x0.mul(Math.sqrt(nextBar)).add(direction);
          if (eta <= 0) return { sample: mean, denoised: x0 };
          return { sample: mean.add((varianceNoise ?? noise()).mul(sigma)), denoised: x0 };
        },
        addNoise: (_plan, original, noise, timesteps) =>
          addNoiseByTimestep(alphasCumprod, original, noise, timesteps),
        getVelocity: (_plan, sample, noise, timesteps) =>
          velocityByTimestep(alphasCumprod, sample, noise, timesteps),
      };
    },
  };
}
