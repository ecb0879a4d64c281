import type { Names } from "../names.ts";

/** The scheduler itself: Euler's method over noise levels that fall along a cosine. */
export function schedulerSource({ className, stem, packageName }: Names): string {
  const configName = `${stem}Config`;
  return `/**
 * ${className}: Euler's method over noise levels that fall along a cosine, slowly at both ends.
 *
 * Order 1, one model call a step. With x the noisy sample, σ its noise, ε the model's prediction:
 *
 *     x0 = x − σ·ε        d = (x − x0)/σ        x' = x + d·(σ' − σ)
 *
 * x, ε: [N, C, H, W]; σ: standard deviation of the noise, falling to 0.
 *
 * @example
 * \`\`\`ts ignore
 * import { DiffusionPipeline } from "jsr:@denoise/denoise";
 * import { ${className} } from "${packageName}";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * pipe.scheduler = ${className}.fromConfig(pipe.scheduler.config);
 * \`\`\`
 *
 * @module
 */
import { float, oneOf, type Scheduler, type SchedulerClass } from "@denoise/core";
import {
  addNoiseBySigma,
  type BetaConfig,
  betaOptions,
  defineScheduler,
  denoisedAtSigma,
  logSigmasOf,
  makeNoiseSchedule,
  scaleBySigma,
  type SigmaPlan,
  sigmaToTimestep,
} from "@denoise/schedules";

/** Options of {@linkcode ${className}}, as they stand in scheduler_config.json. */
export interface ${configName} extends BetaConfig {
  /** What the model predicts. */
  readonly prediction_type: "epsilon" | "sample" | "v_prediction";
}

/** A ${className} object. */
export type ${className} = Scheduler<${configName}>;

/** Euler's method over noise levels that fall along a cosine. */
export const ${className}: SchedulerClass<${configName}> = defineScheduler<
  ${configName},
  SigmaPlan
>({
  className: "${className}",
  schema: {
    ...betaOptions,
    beta_start: float(0.00085),
    beta_end: float(0.012),
    beta_schedule: oneOf("scaled_linear", "linear", "squaredcos_cap_v2"),
    prediction_type: oneOf("epsilon", "sample", "v_prediction"),
  },
  create(config) {
    const trained = makeNoiseSchedule(config).sigmas;
    const logSigmas = logSigmasOf(trained);
    const [low, high] = [trained[0]!, trained.at(-1)!];

    const planOf = (levels: readonly number[]): SigmaPlan => ({
      sigmas: [...levels, 0],
      timesteps: levels.map((sigma) => sigmaToTimestep(sigma, logSigmas)),
      initNoiseSigma: levels[0]!,
    });
    return {
      training: planOf(Array.from(trained).reverse()),
      plan({ numInferenceSteps: steps = 1 }) {
        const level = (i: number) => (1 + Math.cos(Math.PI * i / Math.max(1, steps - 1))) / 2;
        return planOf(Array.from({ length: steps }, (_, i) => low + (high - low) * level(i)));
      },
      scaleModelInput: ({ sigmas }, index, sample) => scaleBySigma(sample, sigmas[index]!),
      step({ sigmas }, { index, sample: x, output }) {
        const [sigma, next] = [sigmas[index]!, sigmas[index + 1]!];
        const x0 = denoisedAtSigma(config.prediction_type, x, output, sigma);
        const d = x.sub(x0).div(sigma);
        return { sample: x.add(d.mul(next - sigma)), denoised: x0 };
      },
      addNoise: addNoiseBySigma,
    };
  },
});
`;
}

/** The tests: the conformance suite with the order that the method claims, and an exact end. */
export function schedulerTests({ className }: Names): string {
  return `import { assertAlmostEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { testScheduler } from "@denoise/testing";
import { ${className} } from "./mod.ts";

testScheduler(${className}, { convergence: { order: 1, steps: [20, 40, 80, 160] } });

describe("${className}", () => {
  it("step() ends at the sample that a model of one image knows", () => {
    const scheduler = new ${className}();
    scheduler.setTimesteps(10);
    let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
    for (const [i, t] of scheduler.timesteps.entries()) {
      const noise = sample.sub(0.25).div(scheduler.sigmas![i]!); // all that is not 0.25
      sample = scheduler.step(noise, t, sample).prevSample;
    }
    assertAlmostEquals(sample.sub(0.25).abs().max().item(), 0, 1e-5); // roundings of float32
  });
});
`;
}
