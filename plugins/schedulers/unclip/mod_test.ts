import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { UnCLIPScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(UnCLIPScheduler, {
  refuses: [{ config: {}, steps: 1, message: "from 2 to 1000" }],
  // without clipping, which is not part of the exact solution
  distribution: { steps: 500, tolerance: 0.03, config: { clip_sample: false } },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(UnCLIPScheduler, goldens, { tolerance: 2e-6 });

describe("UnCLIPScheduler", () => {
  it("step() leads to prevTimestep, the next of the plan by default", () => {
    const scheduler = new UnCLIPScheduler();
    scheduler.setTimesteps(10);
    const sample = Generator.manualSeed(0).randn([1, 3, 4, 4]);
    const [t, next] = scheduler.timesteps as [number, number];
    const step = (prevTimestep?: number) => {
      const generator = Generator.manualSeed(1);
      return scheduler.step(sample.mul(0.5), t, sample, { prevTimestep, generator }).prevSample;
    };
    assertEquals(step(), step(next));
    assertEquals(step().equals(step(t - 1)), false);
    assertThrows(() => step(t), RangeError, "integer below 999");
  });
});
