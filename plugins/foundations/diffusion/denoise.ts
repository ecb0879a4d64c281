import type {
  Image,
  PipelineStep,
  RunOptions,
  Scheduler,
  StepOptions,
  StepOutput,
  Tensor,
} from "@denoise/core";
import { finishStep } from "./step.ts";

/** What a denoising loop is made of. */
export interface DenoisingLoop {
  /** The scheduler, its timesteps set. */
  readonly scheduler: Scheduler;
  /** The timesteps to go through. */
  readonly timesteps: readonly number[];
  /** How many steps of the run go before, where it has several loops. None by default. */
  readonly before?: number | undefined;
  /** How many steps the whole run has. Defaults to those of this loop. */
  readonly total?: number | undefined;
  /** Options of the scheduler's `step`; see {@linkcode stepOptions}. */
  readonly settings: StepOptions;
  /** Whom to call back after each step, and when to stop. */
  readonly options: Pick<RunOptions, "callbackOnStepEnd" | "signal">;
  /** The output of the model for latents at a timestep, guided. */
  predict(latents: Tensor, timestep: number, index: number): Promise<Tensor>;
  /** A whole step, where it is more than a prediction and the scheduler's step. */
  advance?(latents: Tensor, timestep: number, index: number): Promise<StepOutput>;
  /** Images of what a step has given. */
  preview(stepped: StepOutput): Promise<Image[]>;
  /** The latents to go on with; what the step has given unless this says otherwise. */
  keep?(stepped: StepOutput, index: number): Tensor;
}

/** The end of a denoising loop. */
export interface Denoised {
  /** The latents after the last step and what its callback made of them. */
  readonly latents: Tensor;
  /** What the scheduler gave in the last step. */
  readonly last: StepOutput | undefined;
}

/**
 * The denoising loop: predicts, lets the scheduler step, yields the step and goes on with what the
 * callback makes of it.
 *
 * @example
 * ```ts ignore
 * const { latents } = yield* denoise(noise, {
 *   scheduler,
 *   timesteps,
 *   settings,
 *   options,
 *   predict: async (latents, timestep) => (await unet.forward(latents, timestep)).sample,
 *   preview: (stepped) => previewLatents(run, stepped, recipe),
 * });
 * ```
 */
export async function* denoise(
  latents: Tensor,
  loop: DenoisingLoop,
): AsyncGenerator<PipelineStep, Denoised> {
  const { scheduler, timesteps, settings, options, before = 0 } = loop;
  let last: StepOutput | undefined;
  for (const [index, timestep] of timesteps.entries()) {
    const stepped = await loop.advance?.(latents, timestep, index) ??
      scheduler.step(await loop.predict(latents, timestep, index), timestep, latents, settings);
    const step = {
      index: before + index,
      total: loop.total ?? timesteps.length,
      timestep,
      latents: loop.keep?.(stepped, index) ?? stepped.prevSample,
      denoised: stepped.predOriginalSample,
      preview: () => loop.preview(stepped),
    };
    yield step;
    latents = await finishStep(step, options);
    last = stepped;
  }
  return { latents, last };
}
