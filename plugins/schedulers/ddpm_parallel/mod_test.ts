import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDPMParallelScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DDPMParallelScheduler, {
  // without clipping, which is not part of the exact solution
  distribution: { steps: 500, tolerance: 0.03, config: { clip_sample: false } },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(DDPMParallelScheduler, goldens, { tolerance: 2e-6 });

describe("DDPMParallelScheduler", () => {
  it("batchStepNoNoise() works before setTimesteps(), from one trained timestep to the next", () => {
    const scheduler = new DDPMParallelScheduler();
    const samples = Generator.manualSeed(0).randn([2, 1, 4, 4]);
    const before = scheduler.batchStepNoNoise(samples, [7, 0], samples);
    scheduler.setTimesteps(1000);
    assertEquals(scheduler.batchStepNoNoise(samples, [7, 0], samples), before);
  });
});
