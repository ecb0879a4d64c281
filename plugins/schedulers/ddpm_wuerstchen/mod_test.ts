import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDPMWuerstchenScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DDPMWuerstchenScheduler, {
  distribution: { steps: 500, tolerance: 0.03 }, // 16,384 samples know their deviation to 0.6 %
});

// A few roundings of float32 in samples of size 1, divided by √ᾱ ≥ 0.01 at the start.
testAgainstDiffusers(DDPMWuerstchenScheduler, goldens, { tolerance: 4e-6 });

describe("DDPMWuerstchenScheduler", () => {
  it("setTimesteps() takes timesteps of one's own, one more than steps", () => {
    const scheduler = new DDPMWuerstchenScheduler();
    scheduler.setTimesteps(undefined, { timesteps: [1, 0.5, 0] });
    assertEquals(scheduler.timesteps, [1, 0.5]);
    assertEquals(scheduler.numInferenceSteps, 2);
    assertThrows(
      () => scheduler.setTimesteps(undefined, { timesteps: [1] }),
      RangeError,
      "at least two",
    );
  });

  it("step() to 0 draws noise without adding it", () => {
    const scheduler = new DDPMWuerstchenScheduler();
    scheduler.setTimesteps(1);
    const sample = Tensor.ones([1, 1, 4, 4]);
    const steps = [1, 2].map((seed) => {
      const generator = Generator.manualSeed(seed);
      const { prevSample } = scheduler.step(sample, 1, sample, { generator });
      return { prevSample, next: generator.randn([16]).at(0) };
    });
    assertEquals(steps[0]!.prevSample, steps[1]!.prevSample);
    const expected = Generator.manualSeed(1);
    expected.randn([16]);
    assertEquals(steps[0]!.next, expected.randn([16]).at(0));
  });
});
