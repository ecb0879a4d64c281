import { float, oneOf, type PlanRequest, roundHalfEven, type Tensor } from "@denoise/core";
import { makeNoiseSchedule } from "./alphas.ts";
import { type BetaConfig, betaOptions } from "./betas.ts";
import type { SchedulerDefinition } from "./definition.ts";
import { denoisedAtSigma } from "./conversions.ts";
import { addNoiseBySigma, firstNoiseSigma, scaleBySigma, type SigmaPlan } from "./forward.ts";
import { KARRAS_DIFFUSION_SCHEDULERS } from "./karras_compatibles.ts";
import { toFloat32 } from "./math.ts";
import {
  checkSigmaConfig,
  planSigmas,
  SIGMA_RANGE,
  type SigmaConfig,
  sigmaOptions,
} from "./sigma_config.ts";
import { logSigmasOf, sigmaToTimestep } from "./sigmas.ts";
import { type SpacingConfig, spacingOptions } from "./timesteps.ts";

/** Options of the midpoint method, as in scheduler_config.json. */
export interface MidpointConfig extends BetaConfig, SpacingConfig, SigmaConfig {
  /** What the model predicts: `"epsilon"` or `"v_prediction"`. */
  readonly prediction_type: "epsilon" | "v_prediction";
}

/** Where a step of the midpoint method goes. */
export interface MidpointLevels {
  /** σ½, where the model is called again. */
  readonly mid: number;
  /** σ that the sample falls to. */
  readonly down: number;
  /** Standard deviation of the noise that is added then; none by default. */
  readonly up?: number | undefined;
}

/** The plan of a run of the midpoint method. */
export interface MidpointPlan extends SigmaPlan {
  /** The noise levels of each step, which is two calls. */
  readonly steps: readonly (MidpointLevels & { readonly sigma: number })[];
}

const f = Math.fround;

/**
 * The midpoint method over log σ under a class name (k-diffusion, `sample_dpm_2` and its ancestral
 * kind), with the float32 steps of the reference; `@denoise/scheduler-kdpm2-discrete` explains it.
 *
 * @param levelsOf Where a step from σ to the next one goes.
 */
export function midpointDefinition(
  className: string,
  levelsOf: (sigma: number, next: number) => MidpointLevels,
): SchedulerDefinition<MidpointConfig, MidpointPlan, Tensor> {
  return {
    className,
    compatibles: KARRAS_DIFFUSION_SCHEDULERS,
    foreignOptions: SIGMA_RANGE,
    order: 2,
    schema: {
      ...betaOptions,
      ...sigmaOptions,
      ...spacingOptions,
      beta_start: float(0.00085),
      beta_end: float(0.012),
      prediction_type: oneOf("epsilon", "v_prediction"),
    },
    create(config) {
      checkSigmaConfig(className, config);
      const trained = makeNoiseSchedule(config).sigmas;
      const logSigmas = logSigmasOf(trained);
      const plan = (request: PlanRequest): MidpointPlan => {
        const schedule = planSigmas(className, config, request, trained);
        const spaced = config.use_karras_sigmas
          ? schedule.timesteps.map(roundHalfEven)
          : toFloat32(schedule.timesteps);
        const falling = toFloat32([...schedule.sigmas, 0]);
        const steps = spaced.map((_, i) => {
          const sigma = falling[i]!;
          return { sigma, ...levelsOf(sigma, falling[i + 1]!) };
        });
        const timesteps = spaced.flatMap((t, i) => {
          if (i === 0) return [t];
          return [sigmaToTimestep(steps[i - 1]!.mid, logSigmas, "float32"), t];
        });
        const [first, ...others] = falling;
        return {
          timesteps,
          sigmas: [first!, ...others.flatMap((sigma) => [sigma, sigma]), 0],
          initNoiseSigma: firstNoiseSigma(falling, config.timestep_spacing),
          steps,
        };
      };
      return {
        training: plan({ numInferenceSteps: config.num_train_timesteps }),
        plan,
        scaleModelInput({ steps }, index, sample) {
          const { sigma, mid } = steps[index >> 1]!;
          return scaleBySigma(sample, index % 2 === 0 ? sigma : mid);
        },
        step({ steps }, { index, sample: x, output, state: start, noise }) {
          const { sigma, mid, down, up } = steps[index >> 1]!;
          const level = start === undefined ? sigma : mid;
          const x0 = denoisedAtSigma(config.prediction_type, x, output, level);
          const slope = x.sub(x0).div(level);
          if (start === undefined) {
            return { sample: x.add(slope.mul(f(mid - sigma))), denoised: x0, state: x };
          }
          const mean = start.add(slope.mul(f(down - sigma)));
          return { sample: up === undefined ? mean : mean.add(noise().mul(up)), denoised: x0 };
        },
        addNoise: addNoiseBySigma,
      };
    },
  };
}
