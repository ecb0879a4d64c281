/**
 * DDIMPipeline: pictures out of pure noise in few steps. Song et al., "Denoising Diffusion Implicit
 * Models" (arXiv:2010.02502). Whatever scheduler the repo has, its config is taken over by
 * DDIMScheduler, as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { DDIMPipeline } from "@denoise/denoise";
 *
 * const pipe = await DDIMPipeline.fromPretrained("google/ddpm-cifar10-32");
 * const { images } = await pipe({ seed: 0, numInferenceSteps: 50 });
 * await images[0].save("picture.png");
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
  type Registry,
  type RunOptions,
  type Scheduler,
  type SchedulerClass,
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

/** What a DDIMPipeline consists of. */
export interface DDIMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface DDIMOptions extends RunOptions {
  /** Pictures to make; 1 unless given. */
  readonly batchSize?: number | undefined;
  /** Denoising steps; 50 unless given. */
  readonly numInferenceSteps?: number | undefined;
  /** 0 adds no noise on the way (DDIM), 1 as much as DDPM; 0 unless given. */
  readonly eta?: number | undefined;
  /** Go on with the clipped prediction of the clean sample. */
  readonly useClippedModelOutput?: boolean | undefined;
}

/** A loaded DDIMPipeline. */
export type DDIMPipeline = Pipeline<DDIMComponents, [options?: DDIMOptions], PictureOutput>;

async function asDDIM(scheduler: Scheduler, registry: Registry): Promise<Scheduler> {
  if (scheduler.className === "DDIMScheduler") return scheduler;
  const DDIM = await registry.get("DDIMScheduler", "scheduler", "DDIMPipeline") as SchedulerClass;
  return DDIM.fromConfig(scheduler.config);
}

/** Unconditional pictures; `DDIMPipeline` of diffusers. */
export const DDIMPipeline: PipelineClass<DDIMComponents, [options?: DDIMOptions], PictureOutput> =
  definePipeline({
    className: "DDIMPipeline",
    components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
    async *generate(run, options: DDIMOptions = {}) {
      const { unet } = run.components;
      const scheduler = await asDDIM(run.components.scheduler, run.registry);
      const { batchSize = 1, numInferenceSteps = 50, eta = 0, outputType, signal } = options;
      checkOutputType(outputType);
      if (!(eta >= 0 && eta <= 1)) {
        run.warn(`eta should be from 0 (DDIM) to 1 (DDPM), but is ${eta}`);
      }
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
        const extra = { eta, useClippedModelOutput: options.useClippedModelOutput };
        const settings = stepOptions(scheduler, noise, extra);
        const stepped = scheduler.step(output.sample, timestep, sample, settings);
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
