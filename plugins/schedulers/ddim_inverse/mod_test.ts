import { assertAlmostEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Scheduler, Tensor } from "@denoise/core";
import { makeNoiseSchedule } from "@denoise/schedules";
import { type NoiseLevel, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDIMInverseScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const { alphasCumprod } = makeNoiseSchedule(new DDIMInverseScheduler().config);

/** The sample is one step before the timestep that the model is given. */
const level = ({ timesteps }: Scheduler, index: number): NoiseLevel => {
  const t = timesteps[index]! - (timesteps[1]! - timesteps[0]!);
  const bar = t < 0 ? 1 : alphasCumprod[t]!;
  return { alpha: Math.sqrt(bar), sigma: Math.sqrt(1 - bar) };
};

testScheduler(DDIMInverseScheduler, {
  convergence: { order: 1, steps: [25, 50, 100, 200], config: { clip_sample: false }, level },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(DDIMInverseScheduler, goldens, { tolerance: 2e-6 });

describe("DDIMInverseScheduler", () => {
  it("undoes the steps of DDIM for a model that says the same everywhere", () => {
    const scheduler = new DDIMInverseScheduler({ clip_sample: false });
    scheduler.setTimesteps(10);
    const noise = Tensor.full([1, 1, 2, 2], 0.5);
    let sample = Tensor.ones([1, 1, 2, 2]);
    for (const t of scheduler.timesteps) sample = scheduler.step(noise, t, sample).prevSample;
    const bar = alphasCumprod[scheduler.timesteps.at(-1)!]!;
    const expected = Math.sqrt(bar) + Math.sqrt(1 - bar) * 0.5;
    assertAlmostEquals(sample.at(0, 0, 0, 0), expected, 1e-6); // ten roundings of float32
  });
});
