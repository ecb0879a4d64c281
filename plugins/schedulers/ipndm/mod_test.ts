import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { IPNDMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(IPNDMScheduler, {
  convergence: {
    order: 2, // approached from below: steps near pure noise, where σ/α is infinite, cost h²·log h
    steps: [160, 320, 640],
    exactCalls: 3,
    predictionType: "v_prediction",
    level(scheduler, index) {
      const angle = scheduler.timesteps[index]! * Math.PI / 2;
      return { alpha: Math.cos(angle), sigma: Math.sin(angle) };
    },
  },
});

// A few roundings of float32, multiplied with 1/α where little signal is left.
testAgainstDiffusers(IPNDMScheduler, goldens, { tolerance: 5e-6 });

describe("IPNDMScheduler", () => {
  it("goes by trained_betas whatever the number of steps", () => {
    const scheduler = new IPNDMScheduler({ trained_betas: [1, 0.5, 0.25, 0] });
    scheduler.setTimesteps(10);
    assertEquals(scheduler.timesteps.length, 3);
  });
});
