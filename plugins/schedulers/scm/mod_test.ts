import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { PlanRequest } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { SCMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(SCMScheduler);

// A few roundings of float32; sines and cosines may differ by one more.
testAgainstDiffusers(SCMScheduler, goldens, { tolerance: 2e-6 });

describe("SCMScheduler", () => {
  const f = Math.fround;

  it("setTimesteps() goes by way of 1.3 with two steps", () => {
    const scheduler = new SCMScheduler();
    scheduler.setTimesteps(2);
    assertEquals(scheduler.timesteps, [f(1.5708), f(1.3)]);
    scheduler.setTimesteps(2, { intermediateTimesteps: null });
    assertEquals(scheduler.timesteps, [f(1.5708), f(0.7854)]);
  });

  it("setTimesteps() takes angles of one's own, one more than steps", () => {
    const scheduler = new SCMScheduler();
    scheduler.setTimesteps(undefined, { timesteps: [1.5, 1, 0.5, 0] });
    assertEquals(scheduler.timesteps, [1.5, 1, 0.5]);
    assertEquals(scheduler.numInferenceSteps, 3);
  });

  it("setTimesteps() refuses options that contradict each other", () => {
    const scheduler = new SCMScheduler();
    const plan = (steps: number | undefined, options: PlanRequest) => () =>
      scheduler.setTimesteps(steps, options);
    assertThrows(plan(4, { intermediateTimesteps: 1.3 }), TypeError, "for 2 steps");
    assertThrows(plan(undefined, { timesteps: [1.5, 0], maxTimesteps: 1.5 }), TypeError, "beside");
    assertThrows(plan(undefined, { timesteps: [1.5] }), RangeError, "at least two");
  });
});
