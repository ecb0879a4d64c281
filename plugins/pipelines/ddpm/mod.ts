/**
 * DDPMPipeline: images out of pure noise, by a UNet that was trained on one kind of image
 * (google/ddpm-cat-256). Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv:2006.11239),
 * algorithm 2, with whichever scheduler the repo has.
 *
 * @example
 * ```ts ignore
 * import { DDPMPipeline } from "@denoise/denoise";
 *
 * const pipe = await DDPMPipeline.fromPretrained("google/ddpm-cat-256");
 * const { images } = await pipe({ seed: 0, numInferenceSteps: 1000 });
 * await images[0].save("cat.png");
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
  startUnconditional,
  trainedImageSize,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";

/** What a DDPMPipeline consists of. */
export interface DDPMComponents {
  /** A UNet2DModel. */
  readonly unet: Denoiser;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface DDPMOptions extends UnconditionalOptions {
  /** Denoising steps. Defaults to 1000. */
  readonly numInferenceSteps?: number | undefined;
}

/** A loaded DDPMPipeline. */
export type DDPMPipeline = Pipeline<DDPMComponents, [options?: DDPMOptions], ImageOutput>;

/** Unconditional images; `DDPMPipeline` of diffusers. */
export const DDPMPipeline: PipelineClass<DDPMComponents, [options?: DDPMOptions], ImageOutput> =
  definePipeline({
    className: "DDPMPipeline",
    task: "unconditional-image-generation",
    family: "unconditional",
    options: {
      ...unconditionalOptions,
      numInferenceSteps: { type: "integer", minimum: 1 },
    },
    defaults: { numInferenceSteps: 1000 },
    defaultSize: trainedImageSize,
    components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
    async *generate(run, options: DDPMOptions = {}) {
      const { unet, scheduler } = run.components;
      const { numInferenceSteps = 1000 } = options;
      const start = startUnconditional(unet, options, {
        steps: numInferenceSteps,
      });

      scheduler.setTimesteps(numInferenceSteps);
      return yield* drawUnconditional(run, scheduler, start, options);
    },
  });
