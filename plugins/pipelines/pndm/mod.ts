/**
 * PNDMPipeline: pictures of what the model was trained on, by pseudo numerical methods. Liu et al.,
 * "Pseudo Numerical Methods for Diffusion Models on Manifolds" (arXiv:2202.09778), algorithm 2.
 * Whatever scheduler the repo has, its config is taken over by PNDMScheduler, as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { PNDMPipeline } from "@denoise/denoise";
 *
 * const pipe = await PNDMPipeline.fromPretrained("google/ddpm-cifar10-32");
 * const { images } = await pipe({ seed: 0 });
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type Denoiser,
  type PictureOutput,
  type Pipeline,
  type PipelineClass,
  randnTensor,
  type Scheduler,
} from "@denoise/core";
import {
  denoise,
  denormalize,
  finishUnconditional,
  schedulerAs,
  startUnconditional,
  stepOptions,
  toPictures,
  type UnconditionalOptions,
} from "@denoise/core/pipelines";

/** What a PNDMPipeline consists of. */
export interface PNDMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface PNDMOptions extends UnconditionalOptions {
  /** Denoising steps; 50 unless given. */
  readonly numInferenceSteps?: number | undefined;
}

/** A loaded PNDMPipeline. */
export type PNDMPipeline = Pipeline<PNDMComponents, [options?: PNDMOptions], PictureOutput>;

/** Unconditional pictures; `PNDMPipeline` of diffusers. */
export const PNDMPipeline: PipelineClass<PNDMComponents, [options?: PNDMOptions], PictureOutput> =
  definePipeline({
    className: "PNDMPipeline",
    components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
    async *generate(run, options: PNDMOptions = {}) {
      const { unet } = run.components;
      const scheduler = await schedulerAs(run, "PNDMScheduler", "PNDMPipeline");
      const { numInferenceSteps = 50, signal } = options;
      const { dims, noise, recipe } = startUnconditional(unet, options, {
        scheduler: scheduler.className,
        steps: numInferenceSteps,
      });

      const sample = randnTensor(dims, noise.generator);
      scheduler.setTimesteps(numInferenceSteps);
      const { latents } = yield* denoise(sample, {
        ...{ scheduler, options },
        timesteps: scheduler.timesteps,
        settings: stepOptions(scheduler, noise),
        predict: async (sample, timestep) =>
          (await unet.forward(sample, timestep, { signal })).sample,
        preview: ({ prevSample }) => toPictures(run, denormalize(prevSample), recipe),
      });
      return await finishUnconditional(run, latents, options.outputType, recipe);
    },
  });
