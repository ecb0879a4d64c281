import { configValue, type Scheduler, type Tensor } from "@denoise/core";
import { dynamicShift, type DynamicShiftConfig, linspace, linspace32 } from "@denoise/schedules";
import type { PlanOptions, RunPlan } from "./plan.ts";
import { strengthTimesteps } from "./strength.ts";
import { retrieveTimesteps } from "./timesteps.ts";

/**
 * The shift μ of an image of so many tokens, as the config of the scheduler says it
 * (`calculate_shift` of diffusers).
 */
export function calculateShift(tokens: number, { config }: Pick<Scheduler, "config">): number {
  return dynamicShift(tokens, config as DynamicShiftConfig);
}

/** Noise levels from 1 down in equal steps, by whose `linspace`. */
const EVEN: Readonly<
  Record<"numpy" | "torch" | "torch to 0", (steps: number) => readonly number[]>
> = {
  numpy: (steps) => linspace(1, 1 / steps, steps),
  torch: (steps) => [...linspace32(1, 1 / steps, steps)],
  "torch to 0": (steps) => shiftedSigmas(steps, 1),
};

/**
 * Plans a run of a flow: noise levels from 1 down to 1/steps in equal steps, unless the call or the
 * scheduler's config has its own, shifted by `mu`. A strength leaves the last part of them.
 *
 * @param spacing Whose `linspace` makes the steps: in float64, or in float32, there also as a level more that ends
 * at 0 and is left out. Defaults to `"numpy"`.
 * @throws {RangeError} when a strength leaves no timestep.
 */
export function planFlowRun(
  scheduler: Scheduler,
  options: PlanOptions,
  mu?: number,
  spacing: "numpy" | "torch" | "torch to 0" = "numpy",
): RunPlan {
  const { numInferenceSteps: wanted = 28, sigmas, timesteps } = options;
  const ownSigmas = configValue(scheduler.config, "use_flow_sigmas") === true;
  const chosen = sigmas ??
    (timesteps === undefined && !ownSigmas ? EVEN[spacing](wanted) : undefined);
  return planScheduledFlow(
    scheduler,
    { ...options, numInferenceSteps: wanted, sigmas: chosen },
    mu,
  );
}

/**
 * Noise levels of a flow from 1 in equal steps towards 0, which is left out, moved by a shift that is the same for all
 * sizes; computed in float32, as by torch.
 *
 * @param shift Above 0; 1 moves nothing, more moves the levels towards 1.
 */
export function shiftedSigmas(steps: number, shift: number): readonly number[] {
  const f = Math.fround;
  const even = [...linspace32(1, 0, steps + 1)].slice(0, -1);
  if (shift === 1) return even;
  return even.map((t) => f(f(f(shift) * t) / f(1 + f(f(shift - 1) * t))));
}

/**
 * Plans a run of a flow by the noise levels of the scheduler, unless the call has its own, shifted by
 * `mu`. A strength leaves the last part of them.
 *
 * @throws {RangeError} when a strength leaves no timestep.
 */
export function planScheduledFlow(
  scheduler: Scheduler,
  options: PlanOptions,
  mu?: number,
): RunPlan {
  const { numInferenceSteps = 28, strength = 1 } = options;
  const planned = retrieveTimesteps(
    scheduler,
    { ...options, numInferenceSteps },
    mu === undefined ? {} : { mu },
  );
  const steps = scheduler.numInferenceSteps ?? planned.length;
  return { steps, timesteps: strengthTimesteps(scheduler, strength, steps, "up") };
}

/** How latents are packed into tokens. */
export interface PackOptions {
  /** Latents of a side that are one token. Defaults to 2. */
  readonly patch?: number | undefined;
}

/** Latents [N, C, h, w] as a row of tokens of patch x patch each, [N, h/patch·w/patch, C·patch²]. */
export function packLatents(latents: Tensor, { patch = 2 }: PackOptions = {}): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h / patch, patch, w / patch, patch]).permute([0, 2, 4, 1, 3, 5])
    .reshape([n, (h / patch) * (w / patch), patch * patch * c]);
}

/** The reverse of {@linkcode packLatents}, for latents of `height` and `width`. */
export function unpackLatents(
  tokens: Tensor,
  height: number,
  width: number,
  { patch = 2 }: PackOptions = {},
): Tensor {
  const [n, , length] = tokens.dims as readonly [number, number, number];
  const channels = length / patch ** 2;
  return tokens.reshape([n, height / patch, width / patch, channels, patch, patch])
    .permute([0, 3, 1, 4, 2, 5]).reshape([n, channels, height, width]);
}
