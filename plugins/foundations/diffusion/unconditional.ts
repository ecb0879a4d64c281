import {
  type CallOptions,
  type ImageOutput,
  type ImageSize,
  type PipelineRun,
  type PipelineStep,
  randnTensor,
  type Recipe,
  type RunOptions,
  runOptions,
  type Scheduler,
  type SchedulerClass,
  type Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { denoise } from "./denoise.ts";
import { type BatchNoise, batchNoise } from "./noise.ts";
import { denormalize, imageOutput, toImages } from "./output.ts";
import { sampleSize } from "./size.ts";
import { type ExtraStepOptions, stepOptions } from "./step.ts";

/** What pipelines that make images out of noise alone are called with. */
export interface UnconditionalOptions extends RunOptions {
  /** Images to make. Defaults to 1. */
  readonly batchSize?: number | undefined;
}

/** The declarations of {@linkcode UnconditionalOptions}. */
export const unconditionalOptions: CallOptions<UnconditionalOptions> = {
  ...runOptions,
  batchSize: { type: "integer", minimum: 1 },
};

/** What such a run begins with. */
export interface UnconditionalStart {
  /** The shape of the samples, [N, C, H, W], as the model was trained. */
  readonly dims: readonly [count: number, channels: number, height: number, width: number];
  /** Where the noise of the images comes from. */
  readonly noise: BatchNoise;
  /** What the recipe of image i says of its seed, beside what is given. */
  readonly recipe: (index: number) => Recipe;
}

/** The size that a UNet without text was trained for, which is the only one that it makes. */
export function trainedImageSize({ unet }: { readonly unet: Denoiser }): ImageSize {
  const [height, width] = sampleSize((unet.config as Record<string, unknown>)["sample_size"]);
  return { height, width };
}

/**
 * Prepares the noise of a call.
 *
 * @param settings What the recipe of every image says, such as `{ steps: 50 }`.
 */
export function startUnconditional(
  unet: Denoiser,
  options: UnconditionalOptions,
  settings: Recipe,
): UnconditionalStart {
  const { batchSize = 1 } = options;
  const { in_channels, sample_size } = unet.config as Record<string, unknown>;
  const noise = batchNoise(batchSize, options);
  return {
    dims: [batchSize, in_channels as number, ...sampleSize(sample_size)],
    noise,
    recipe: (i) => ({ seed: noise.seedOf(i)?.toString(), ...settings }),
  };
}

/**
 * The run from noise to images of a UNet conditioned on nothing but the timestep.
 *
 * @param scheduler The scheduler of the run, its timesteps set.
 * @param extra Options of its `step` beside the generator.
 */
export async function* drawUnconditional(
  run: PipelineRun<{ readonly unet: Denoiser }>,
  scheduler: Scheduler,
  { dims, noise, recipe }: UnconditionalStart,
  options: UnconditionalOptions,
  extra?: ExtraStepOptions,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { unet } = run.components;
  const { outputType, signal } = options;
  const { latents } = yield* denoise(randnTensor(dims, noise.generator), {
    scheduler,
    timesteps: scheduler.timesteps,
    settings: stepOptions(scheduler, noise, extra),
    options,
    predict: async (sample, timestep) => (await unet.forward(sample, timestep, { signal })).sample,
    preview: ({ prevSample }) => toImages(run, denormalize(prevSample), recipe),
  });
  return await finishUnconditional(run, latents, outputType, recipe);
}

/**
 * What such a run gives for its last samples.
 *
 * @param toUnit Brings them into 0..1; from -1..1 by default.
 */
export async function finishUnconditional<C extends object>(
  run: PipelineRun<C>,
  sample: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
  toUnit: (sample: Tensor) => Tensor = denormalize,
): Promise<ImageOutput> {
  if (outputType === "latent") return { images: [], tensor: sample };
  return await imageOutput(run, toUnit(sample), outputType, recipe);
}

/** The scheduler of a run, its config taken over by that class where it is of another. */
export async function schedulerAs<C extends { readonly scheduler: Scheduler }>(
  { components: { scheduler }, registry }: PipelineRun<C>,
  className: string,
  wantedBy: string,
): Promise<Scheduler> {
  if (scheduler.className === className) return scheduler;
  const Class = await registry.get(className, "scheduler", wantedBy) as SchedulerClass;
  return Class.fromConfig(scheduler.config);
}
