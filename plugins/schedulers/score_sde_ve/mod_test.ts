import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { ScoreSdeVeScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const RANGE = { sigma_min: 0.01, sigma_max: 50 };

testScheduler(ScoreSdeVeScheduler, {
  distribution: {
    steps: 500,
    tolerance: 0.03, // the first order in steps of log σ, and 16,384 samples
    config: RANGE,
    // the score of N(0, s² + σ²)
    output: (denoised, x, { sigma }) => denoised.sub(x).div(sigma ** 2),
    level(scheduler, index) {
      const { timesteps } = scheduler;
      const share = Math.trunc(timesteps[index]! * (timesteps.length - 1)) / (timesteps.length - 1);
      return { alpha: 1, sigma: RANGE.sigma_min * (RANGE.sigma_max / RANGE.sigma_min) ** share };
    },
  },
});

// A few roundings of float32, relative to the largest value of the sample; the σ are powers.
testAgainstDiffusers(ScoreSdeVeScheduler, goldens, { tolerance: 4e-6 });

describe("ScoreSdeVeScheduler", () => {
  const sample = Tensor.ones([1, 1, 4, 4]);

  it("step() gives the mean that noise was added to", () => {
    const scheduler = new ScoreSdeVeScheduler(RANGE);
    scheduler.setTimesteps(10);
    const generator = Generator.manualSeed(0);
    const t = scheduler.timesteps.at(-1)!;
    const { prevSample, prevSampleMean } = scheduler.step(sample, t, sample, { generator });
    const noise = Generator.manualSeed(0).randn(sample.dims).mul(RANGE.sigma_min);
    assertEquals(prevSample, prevSampleMean!.add(noise));
  });

  it("stepCorrect() refuses what step() refuses", () => {
    const scheduler = new ScoreSdeVeScheduler();
    const other = Tensor.ones([1, 2, 4, 4]);
    assertThrows(() => scheduler.stepCorrect(other, sample), TypeError, "shape");
    const eta = { eta: 1 } as object;
    assertThrows(() => scheduler.stepCorrect(sample, sample, eta), TypeError, "eta");
  });
});
