import { type SchedulerPlan, Tensor } from "@denoise/core";
import type { BatchStepInput, SchedulerMethod } from "./definition.ts";

/**
 * Steps of several samples at timesteps of their own: the method's step for one after the other,
 * with noise of 0.
 *
 * @param planAt The plan of a step that starts at a timestep, at place 0.
 * @param trained Number of trained timesteps.
 * @throws {RangeError} for a timestep that was not trained.
 */
export function stepEach<P extends SchedulerPlan, O extends object>(
  { step }: SchedulerMethod<P, undefined, O>,
  { timesteps, sample, output, options }: BatchStepInput<O>,
  planAt: (timestep: number) => P,
  trained: number,
): Tensor {
  const stepped = timesteps.map((timestep, i) => {
    if (!Number.isInteger(timestep) || timestep < 0 || timestep >= trained) {
      throw new RangeError(
        `Cannot step at timestep ${timestep}: trained are integers from 0 to ${trained - 1}`,
      );
    }
    const own = sample.slice(0, i, i + 1);
    const result = step(planAt(timestep), {
      index: 0,
      timestep,
      sample: own,
      output: output.slice(0, i, i + 1),
      state: undefined,
      noise: (dims = own.dims) => Tensor.zeros(dims, own.dtype),
      options,
    });
    return result.sample;
  });
  return Tensor.cat(stepped);
}
