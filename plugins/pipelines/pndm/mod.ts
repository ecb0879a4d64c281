/**
 * PNDMPipeline: pictures of what the model was trained on, by pseudo numerical methods. Liu et al.,
 * "Pseudo Numerical Methods for Diffusion Models on Manifolds" (arXiv:2202.09778), algorithm 2.
 *
 * diffusers puts a PNDMScheduler in the place of any other; here the given one is taken.
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
  type RunOptions,
  type Scheduler,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  denormalize,
  finishStep,
  pictureOutput,
  sampleSize,
  stepOptions,
  toPictures,
} from "@denoise/core/pipelines";

/** What a PNDMPipeline consists of. */
export interface PNDMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** PNDMScheduler; another one for the trained noise works, too. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface PNDMOptions extends RunOptions {
  /** Pictures to make; 1 unless given. */
  readonly batchSize?: number | undefined;
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
      const { unet, scheduler } = run.components;
      const { batchSize = 1, numInferenceSteps = 50, outputType, signal } = options;
      checkOutputType(outputType);
      const { in_channels, sample_size } = unet.config as Record<string, unknown>;
      const dims = [batchSize, in_channels as number, ...sampleSize(sample_size)];
      const noise = batchNoise(batchSize, options);
      const recipe = (i: number) => ({
        seed: noise.seedOf(i)?.toString(),
        steps: numInferenceSteps,
      });

      let sample = randnTensor(dims, noise.generator);
      scheduler.setTimesteps(numInferenceSteps);
      const total = scheduler.timesteps.length;
      for (const [index, timestep] of scheduler.timesteps.entries()) {
        const output = await unet.forward(sample, timestep, { signal });
        const stepped = scheduler.step(
          output.sample,
          timestep,
          sample,
          stepOptions(scheduler, noise),
        );
        const step = {
          index,
          total,
          timestep,
          latents: stepped.prevSample,
          denoised: stepped.predOriginalSample,
          preview: () => toPictures(run, denormalize(stepped.prevSample), recipe),
        };
        yield step;
        sample = await finishStep(step, options);
      }
      if (outputType === "latent") return { images: [], tensor: sample };
      return await pictureOutput(run, denormalize(sample), outputType, recipe);
    },
  });
