import type { Scheduler, SchedulerClass } from "@denoise/core";
import { sampleSize } from "@denoise/diffusion";

/**
 * Old repos carry scheduler configs that make other images than Stable Diffusion was trained for;
 * diffusers mends them when the pipeline is put together: `steps_offset` is 1, `clip_sample` false.
 */
export function modernScheduler(scheduler: Scheduler, warn: (message: string) => void): Scheduler {
  const config = scheduler.config as { steps_offset?: number; clip_sample?: boolean };
  const mended = {
    ...(config.steps_offset === undefined || config.steps_offset === 1 ? {} : { steps_offset: 1 }),
    ...(config.clip_sample === true ? { clip_sample: false } : {}),
  };
  const names = Object.keys(mended) as (keyof typeof mended)[];
  if (names.length === 0) return scheduler;
  warn(
    `The config of ${scheduler.className} is outdated: ` +
      names.map((name) => `${name} is ${config[name]}, ${mended[name]} is used`).join("; "),
  );
  return (scheduler.constructor as unknown as SchedulerClass).fromConfig(scheduler.config, mended);
}

/** UNets saved before diffusers 0.9 state a `sample_size` of 32 where 64 is meant. */
export function trainedSize(
  unet: { readonly config: object },
): readonly [height: number, width: number] {
  const { sample_size, _diffusers_version = "1" } = unet.config as {
    sample_size?: number | readonly number[];
    _diffusers_version?: string;
  };
  const [major = 0, minor = 0] = _diffusers_version.split(".").map(Number);
  const old = major === 0 && minor < 9;
  return old && typeof sample_size === "number" && sample_size < 64
    ? [64, 64]
    : sampleSize(sample_size);
}
