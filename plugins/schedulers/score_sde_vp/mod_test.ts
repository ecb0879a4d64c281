import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { ScoreSdeVpScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(ScoreSdeVpScheduler, {
  distribution: {
    steps: 1000,
    tolerance: 0.03, // the first order in time, and 16,384 samples
    level(scheduler, index) {
      const t = scheduler.timesteps[index]!;
      const log = -0.25 * t ** 2 * (20 - 0.1) - 0.5 * t * 0.1;
      return { alpha: Math.exp(log), sigma: Math.sqrt(1 - Math.exp(2 * log)) };
    },
  },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(ScoreSdeVpScheduler, goldens, { tolerance: 4e-6 });

describe("ScoreSdeVpScheduler", () => {
  it("step() gives the mean that noise was added to", () => {
    const scheduler = new ScoreSdeVpScheduler({ beta_min: 0, beta_max: 1 });
    scheduler.setTimesteps(4);
    const generator = Generator.manualSeed(0);
    const sample = Tensor.ones([1, 1, 4, 4]);
    const { prevSample, prevSampleMean } = scheduler.step(sample, 1, sample, { generator });
    const noise = Generator.manualSeed(0).randn(sample.dims).mul(0.5); // √(β/4)
    assertEquals(prevSample, prevSampleMean!.add(noise));
  });
});
