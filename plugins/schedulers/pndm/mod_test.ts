import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { PNDMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(PNDMScheduler, {
  refuses: [{ config: { skip_prk_steps: false }, steps: 3, message: "at least 4" }],
  convergence: {
    order: 2,
    steps: [10, 20, 40, 80], // these divide the trained timesteps
    config: {
      num_train_timesteps: 1600,
      beta_start: 0.0001 / 1.6,
      beta_end: 0.02 / 1.6,
      skip_prk_steps: true,
    },
    until: (calls) => Math.floor((calls - 1) / 2) + 1, // the second timestep comes twice
  },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(PNDMScheduler, goldens, { tolerance: 2e-6 });

describe("PNDMScheduler", () => {
  it("calls the model 51 times for 50 steps of Stable Diffusion 1.5", () => {
    const scheduler = new PNDMScheduler({ skip_prk_steps: true, steps_offset: 1 });
    scheduler.setTimesteps(50);
    assertEquals(scheduler.timesteps.length, 51);
    assertEquals(scheduler.timesteps.slice(0, 4), [981, 961, 961, 941]);
    assertEquals(scheduler.timesteps.at(-1), 1);
    assertEquals(scheduler.numInferenceSteps, 50);
  });

  it("calls the model four times for each of three Runge-Kutta steps", () => {
    const scheduler = new PNDMScheduler();
    scheduler.setTimesteps(6);
    const expected = [830, 747, 747, 664, 664, 581, 581, 498, 498, 415, 415, 332, 332, 166, 0];
    assertEquals(scheduler.timesteps, expected);
  });
});
