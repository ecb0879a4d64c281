import type { PipelineStep, RunOptions, Scheduler, StepOptions, Tensor } from "@denoise/core";
import type { BatchNoise } from "./noise.ts";

/** Options of `step` that a scheduler may know beside the generator. */
export interface ExtraStepOptions {
  /** Amount of noise of DDIM, 0..1; ignored by schedulers that do not know it. */
  readonly eta?: number | undefined;
  /** Whether DDIM works on with the clipped prediction. */
  readonly useClippedModelOutput?: boolean | undefined;
}

/** The options of a scheduler's `step`: the generator, and of the rest those that it takes. */
export function stepOptions(
  scheduler: Scheduler,
  noise: BatchNoise,
  extra: ExtraStepOptions = {},
): StepOptions {
  const known = Object.entries(extra).filter(([name, value]) =>
    value !== undefined && scheduler.takesStepOption(name)
  );
  return { generator: noise.generator, ...Object.fromEntries(known) };
}

/**
 * The end of a denoising step: calls back and gives the latents to go on with.
 *
 * @throws {DenoiseError} `aborted` when the signal has fired.
 * @throws {TypeError} when the callback gives latents of another shape.
 */
export async function finishStep(
  step: PipelineStep,
  options: Pick<RunOptions, "callbackOnStepEnd" | "signal">,
): Promise<Tensor> {
  const changed = await options.callbackOnStepEnd?.(step);
  options.signal?.throwIfAborted();
  const latents = changed?.latents ?? step.latents;
  if (String(latents.dims) === String(step.latents.dims)) return latents;
  throw new TypeError(
    `Cannot go on with latents of shape [${latents.dims.join(", ")}] from callbackOnStepEnd: ` +
      `they must have shape [${step.latents.dims.join(", ")}]`,
  );
}
