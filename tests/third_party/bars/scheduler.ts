import { number, type SchedulerClass } from "@denoise/core";
import { defineScheduler } from "@denoise/schedules";

/** Options of {@linkcode HalvingScheduler}. */
export interface HalvingConfig {
  /** Timesteps that the model was trained with. */
  readonly num_train_timesteps: number;
}

/** Goes a share of the way to what the model gives. */
export const HalvingScheduler: SchedulerClass<HalvingConfig> = defineScheduler<HalvingConfig>({
  className: "HalvingScheduler",
  schema: { num_train_timesteps: number(100) },
  create: ({ num_train_timesteps }) => ({
    training: { timesteps: Array.from({ length: num_train_timesteps }, (_, i) => i).reverse() },
    plan: ({ numInferenceSteps = 1 }) => ({
      timesteps: Array.from({ length: numInferenceSteps }, (_, i) => numInferenceSteps - 1 - i),
    }),
    step: (_plan, { sample, output }) => ({ sample: sample.add(output.sub(sample).mul(0.5)) }),
  }),
});
