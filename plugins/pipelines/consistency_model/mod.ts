/**
 * ConsistencyModelPipeline: images out of pure noise in one step or a few, of a class or not
 * (openai/diffusers-cd_imagenet64_l2, openai/diffusers-cd_bedroom256_l2). Song et al., "Consistency
 * Models" (arXiv:2303.01469), algorithm 1.
 *
 * @example
 * ```ts ignore
 * import { ConsistencyModelPipeline } from "@denoise/denoise";
 *
 * const pipe = await ConsistencyModelPipeline.fromPretrained("openai/diffusers-cd_imagenet64_l2");
 * const { images } = await pipe({ classLabels: 145, timesteps: [22, 0], seed: 0 });
 * await images[0].save("king_penguin.png");
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
  type Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  denormalize,
  finishStep,
  finishUnconditional,
  initialLatents,
  retrieveTimesteps,
  startUnconditional,
  stepOptions,
  toImages,
  trainedImageSize,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";
import { type ClassLabels, classLabelsFor } from "./class_labels.ts";

export type { ClassLabels };

/** What a ConsistencyModelPipeline consists of. */
export interface ConsistencyModelComponents {
  /** A UNet2DModel, with classes or without. */
  readonly unet: Denoiser;
  /** A CMStochasticIterativeScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface ConsistencyModelOptions extends UnconditionalOptions {
  /**
   * Class of each image: a number for a single image, a list or tensor [N] with one for each; drawn
   * from the seeds of the images by default.
   */
  readonly classLabels?: ClassLabels | undefined;
  /** Denoising steps. Defaults to 1. */
  readonly numInferenceSteps?: number | null | undefined;
  /** Places of the steps among the trained noise levels, falling, such as `[22, 0]`. */
  readonly timesteps?: readonly number[] | undefined;
  /** Standard normal noise to begin with, float32 [N, C, H, W]; drawn by default. */
  readonly latents?: Tensor | undefined;
  /** Called after a step with its place in the run, its timestep and the samples. */
  readonly callback?:
    | ((step: number, timestep: number, latents: Tensor) => void | Promise<void>)
    | undefined;
  /** After every how many steps `callback` is called. Defaults to 1. */
  readonly callbackSteps?: number | undefined;
}

/** A loaded ConsistencyModelPipeline. */
export type ConsistencyModelPipeline = Pipeline<
  ConsistencyModelComponents,
  [options?: ConsistencyModelOptions],
  ImageOutput
>;

/** Images in one step or a few; `ConsistencyModelPipeline` of diffusers. */
export const ConsistencyModelPipeline: PipelineClass<
  ConsistencyModelComponents,
  [options?: ConsistencyModelOptions],
  ImageOutput
> = definePipeline({
  className: "ConsistencyModelPipeline",
  task: "unconditional-image-generation",
  family: "consistency-model",
  options: {
    ...unconditionalOptions,
    classLabels: { type: "any", cost: "images" },
    numInferenceSteps: { type: "integer", minimum: 1, nullable: true },
    timesteps: { type: "integer", list: "required" },
    latents: { type: "tensor" },
    callback: { type: "function" },
    callbackSteps: { type: "integer", minimum: 1 },
  },
  defaultSize: trainedImageSize,
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  async *generate(run, options: ConsistencyModelOptions = {}) {
    const { unet, scheduler } = run.components;
    const { timesteps: places, callback, callbackSteps = 1, signal } = options;
    const steps = stepsOf(options, run.warn);
    const start = startUnconditional(unet, options, { steps: places?.length ?? steps });
    const { dims, noise } = start;
    const classLabels = classLabelsFor(unet, options.classLabels, dims[0], noise, run.warn);
    const recipe = (i: number) => ({
      ...start.recipe(i),
      classLabel: classLabels?.dims.length === 1 ? Number(classLabels.data[i]) : undefined,
    });

    let sample = initialLatents(dims, noise, scheduler, options.latents);
    const timesteps = retrieveTimesteps(scheduler, { timesteps: places, numInferenceSteps: steps });
    for (const [index, timestep] of timesteps.entries()) {
      const input = scheduler.scaleModelInput(sample, timestep);
      const output = await unet.forward(input, timestep, { classLabels, signal });
      const stepped = scheduler.step(
        output.sample,
        timestep,
        sample,
        stepOptions(scheduler, noise),
      );
      const step = {
        index,
        total: timesteps.length,
        timestep,
        latents: stepped.prevSample,
        preview: () => toImages(run, denormalize(stepped.prevSample), recipe),
      };
      yield step;
      sample = await finishStep(step, options);
      if (index % callbackSteps === 0) await callback?.(index, timestep, sample);
    }
    return await finishUnconditional(run, sample, options.outputType, recipe);
  },
});

/** The number of steps; timesteps of one's own stand in its place. */
function stepsOf(
  { numInferenceSteps, timesteps }: ConsistencyModelOptions,
  warn: (message: string) => void,
): number | undefined {
  if (timesteps === undefined) {
    if (numInferenceSteps !== null) return numInferenceSteps ?? 1;
    throw new TypeError("Cannot plan the run: give numInferenceSteps or timesteps");
  }
  if (typeof numInferenceSteps === "number" && numInferenceSteps !== timesteps.length) {
    warn(`numInferenceSteps ${numInferenceSteps} is not used: timesteps are given`);
  }
  return undefined;
}
