/**
 * DDIMPipeline: images out of pure noise in few steps. Song et al., "Denoising Diffusion Implicit
 * Models" (arXiv:2010.02502). Whatever scheduler the repo has, its config is taken over by
 * DDIMScheduler, as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { DDIMPipeline } from "@denoise/denoise";
 *
 * const pipe = await DDIMPipeline.fromPretrained("google/ddpm-cifar10-32");
 * const { images } = await pipe({ seed: 0, numInferenceSteps: 50 });
 * await images[0].save("image.png");
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

/** What a DDIMPipeline consists of. */
export interface DDIMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface DDIMOptions extends UnconditionalOptions {
  /** Denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** 0 adds no noise on the way (DDIM), 1 as much as DDPM. Defaults to 0. */
  readonly eta?: number | undefined;
  /** Go on with the clipped prediction of the clean sample. */
  readonly useClippedModelOutput?: boolean | undefined;
}

/** A loaded DDIMPipeline. */
export type DDIMPipeline = Pipeline<DDIMComponents, [options?: DDIMOptions], ImageOutput>;

/** Unconditional images; `DDIMPipeline` of diffusers. */
export const DDIMPipeline: PipelineClass<DDIMComponents, [options?: DDIMOptions], ImageOutput> =
  definePipeline({
    className: "DDIMPipeline",
    task: "unconditional-image-generation",
    family: "unconditional",
    options: {
      ...unconditionalOptions,
      numInferenceSteps: { type: "integer", minimum: 1 },
      eta: { type: "number" },
      useClippedModelOutput: { type: "boolean" },
    },
    defaults: { numInferenceSteps: 50, eta: 0 },
    defaultSize: trainedImageSize,
    components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
    async *generate(run, options: DDIMOptions = {}) {
      const { unet } = run.components;
      const scheduler = await schedulerAs(run, "DDIMScheduler", "DDIMPipeline");
      const { numInferenceSteps = 50, eta = 0 } = options;
      if (!(eta >= 0 && eta <= 1)) {
        run.warn(`eta should be from 0 (DDIM) to 1 (DDPM), but is ${eta}`);
      }
      const start = startUnconditional(unet, options, {
        scheduler: scheduler.className,
        steps: numInferenceSteps,
      });

      scheduler.setTimesteps(numInferenceSteps);
      const extra = { eta, useClippedModelOutput: options.useClippedModelOutput };
      return yield* drawUnconditional(run, scheduler, start, options, extra);
    },
  });
