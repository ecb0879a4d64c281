import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { CMStochasticIterativeScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(CMStochasticIterativeScheduler);

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(CMStochasticIterativeScheduler, goldens, { tolerance: 2e-6 });

describe("CMStochasticIterativeScheduler", () => {
  it("setTimesteps() takes places among the trained noise levels", () => {
    const scheduler = new CMStochasticIterativeScheduler();
    scheduler.setTimesteps(undefined, { timesteps: [22, 0] });
    assertEquals(scheduler.sigmas![0], 80);
    assertThrows(
      () => scheduler.setTimesteps(undefined, { timesteps: [40, 0] }),
      RangeError,
      "timestep 40",
    );
  });

  it("step() draws no noise in a run of one step", () => {
    const scheduler = new CMStochasticIterativeScheduler();
    scheduler.setTimesteps(1);
    const generator = Generator.manualSeed(0);
    const sample = Tensor.ones([1, 3, 4, 4]);
    scheduler.step(sample, scheduler.timesteps[0]!, sample, { generator });
    assertEquals(generator.randn([16]), Generator.manualSeed(0).randn([16]));
  });
});
