/**
 * ScoreSdeVePipeline: images out of pure noise, by a score-based model of the variance exploding
 * equation (google/ncsnpp-church-256). Song et al., "Score-Based Generative Modeling through Stochastic
 * Differential Equations" (arXiv:2011.13456), algorithms 1 and 4: at each noise level samples are
 * corrected, then predicted for the next one.
 *
 * The corrector's step length is averaged over the batch, as in diffusers: an image depends a little on
 * those that are made with it.
 *
 * @example
 * ```ts ignore
 * import { ScoreSdeVePipeline } from "@denoise/denoise";
 *
 * const pipe = await ScoreSdeVePipeline.fromPretrained("google/ncsnpp-church-256");
 * const { images } = await pipe({ seed: 0, numInferenceSteps: 2000 });
 * await images[0].save("church.png");
 * ```
 *
 * @module
 */
import {
  configValue,
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  randnTensor,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  finishStep,
  finishUnconditional,
  startUnconditional,
  toImages,
  trainedImageSize,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";

/** What a ScoreSdeVePipeline consists of. */
export interface ScoreSdeVeComponents {
  /** A UNet2DModel whose timestep is σ, and which gives the score. */
  readonly unet: Denoiser;
  /** A ScoreSdeVeScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface ScoreSdeVeOptions extends UnconditionalOptions {
  /** Denoising steps, of 1 + `correct_steps` model calls each. Defaults to 2000. */
  readonly numInferenceSteps?: number | undefined;
}

/** A loaded ScoreSdeVePipeline. */
export type ScoreSdeVePipeline = Pipeline<
  ScoreSdeVeComponents,
  [options?: ScoreSdeVeOptions],
  ImageOutput
>;

/** Unconditional images; `ScoreSdeVePipeline` of diffusers. */
export const ScoreSdeVePipeline: PipelineClass<
  ScoreSdeVeComponents,
  [options?: ScoreSdeVeOptions],
  ImageOutput
> = definePipeline({
  className: "ScoreSdeVePipeline",
  task: "unconditional-image-generation",
  family: "score-sde-ve",
  options: {
    ...unconditionalOptions,
    numInferenceSteps: { type: "integer", minimum: 1 },
  },
  defaults: { numInferenceSteps: 2000 },
  defaultSize: trainedImageSize,
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  async *generate(run, options: ScoreSdeVeOptions = {}) {
    const { unet, scheduler } = run.components;
    const { numInferenceSteps = 2000, signal } = options;
    const steps = { steps: numInferenceSteps };
    const { dims, noise, recipe } = startUnconditional(unet, options, steps);
    const { generator } = noise;
    const corrections = correctionsOf(scheduler);

    let sample = randnTensor(dims, generator).mul(scheduler.initNoiseSigma);
    let mean = sample; // without the noise that the last step ends with
    scheduler.setTimesteps(numInferenceSteps);
    const total = scheduler.timesteps.length;
    for (const [index, timestep] of scheduler.timesteps.entries()) {
      const sigma = scheduler.sigmas![index]!;
      for (let k = 0; k < corrections; k++) {
        const score = (await unet.forward(sample, sigma, { signal })).sample;
        sample = scheduler.stepCorrect(score, sample, { generator });
      }
      const score = (await unet.forward(sample, sigma, { signal })).sample;
      const stepped = scheduler.step(score, timestep, sample, { generator });
      const step = {
        index,
        total,
        timestep,
        latents: stepped.prevSample,
        preview: () => toImages(run, toUnit(stepped.prevSampleMean!), recipe),
      };
      yield step;
      sample = await finishStep(step, options);
      mean = sample === stepped.prevSample ? stepped.prevSampleMean! : sample;
    }
    return await finishUnconditional(run, mean, options.outputType, recipe, toUnit);
  },
});

/** These models know images as values in 0..1. */
function toUnit(sample: Tensor): Tensor {
  return sample.clamp(0, 1);
}

/**
 * How often samples are corrected at each noise level.
 *
 * @throws {TypeError} for a scheduler without a corrector.
 */
function correctionsOf({ className, config }: Scheduler): number {
  if (className === "ScoreSdeVeScheduler") return configValue(config, "correct_steps") as number;
  throw new TypeError(
    `Cannot run ScoreSdeVePipeline with ${className}: its loop of predictor and corrector needs a ` +
      `ScoreSdeVeScheduler, such as ScoreSdeVeScheduler.fromConfig(scheduler.config) makes`,
  );
}
