/**
 * PNDMPipeline: images of what the model was trained on, by pseudo numerical methods. Liu et al.,
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
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type Scheduler,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  drawUnconditional,
  schedulerAs,
  startUnconditional,
  trainedImageSize,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";

/** What a PNDMPipeline consists of. */
export interface PNDMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface PNDMOptions extends UnconditionalOptions {
  /** Denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
}

/** A loaded PNDMPipeline. */
export type PNDMPipeline = Pipeline<PNDMComponents, [options?: PNDMOptions], ImageOutput>;

/** Unconditional images; `PNDMPipeline` of diffusers. */
export const PNDMPipeline: PipelineClass<PNDMComponents, [options?: PNDMOptions], ImageOutput> =
  definePipeline({
    className: "PNDMPipeline",
    task: "unconditional-image-generation",
    family: "unconditional",
    options: {
      ...unconditionalOptions,
      numInferenceSteps: { type: "integer", minimum: 1 },
    },
    defaults: { numInferenceSteps: 50 },
    defaultSize: trainedImageSize,
    components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
    async *generate(run, options: PNDMOptions = {}) {
      const { unet } = run.components;
      const scheduler = await schedulerAs(run, "PNDMScheduler", "PNDMPipeline");
      const { numInferenceSteps = 50 } = options;
      const start = startUnconditional(unet, options, {
        scheduler: scheduler.className,
        steps: numInferenceSteps,
      });

      scheduler.setTimesteps(numInferenceSteps);
      return yield* drawUnconditional(run, scheduler, start, options);
    },
  });
