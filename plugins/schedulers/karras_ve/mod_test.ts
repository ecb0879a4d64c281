import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { KarrasVeScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const RANGE = { sigma_min: 0.1, sigma_max: 3, s_churn: 0 };

testScheduler(KarrasVeScheduler, {
  config: { sigma_max: 5 },
  refuses: [{ config: {}, steps: 1, message: "2 at least" }],
  // without stepCorrect, which this suite does not call
  convergence: {
    order: 1,
    steps: [20, 40, 80, 160],
    config: RANGE,
    output: (denoised, x, { sigma }) => denoised.sub(x).div(sigma),
    level: ({ sigmas }, index) => ({ alpha: 1, sigma: sigmas![index]! }),
  },
});

// A few roundings of float32, relative to the largest value of the sample; σ goes up to 10000.
testAgainstDiffusers(KarrasVeScheduler, goldens, { tolerance: 2e-6 });

/** How far a run on data of N(0, s²) is from its exact solution x/√(s² + σ²) = constant. */
function error(steps: number): number {
  const scheduler = new KarrasVeScheduler(RANGE);
  scheduler.setTimesteps(steps);
  const sigmas = scheduler.sigmas!;
  const std = (sigma: number) => Math.hypot(0.5, sigma);
  const output = (x: Tensor, sigma: number) => x.mul(-sigma / std(sigma) ** 2);
  let sample = Tensor.full([1], std(sigmas[0]!), "float64");
  for (const [i, t] of scheduler.timesteps.slice(0, -1).entries()) {
    const { prevSample } = scheduler.step(output(sample, sigmas[i]!), t, sample);
    sample = scheduler.stepCorrect(output(prevSample, sigmas[i + 1]!), prevSample);
  }
  return Math.abs(sample.item() / std(sigmas.at(-2)!) - 1);
}

describe("KarrasVeScheduler", () => {
  const sample = Tensor.ones([1, 1, 4, 4]);

  it("converges with order 2 when each step is corrected", () => {
    const order = Math.log2(error(40) / error(80));
    assert(Math.abs(order - 2) < 0.25, `order ${order}`);
  });

  it("addNoiseToInput() raises σ inside its range alone, but draws always", () => {
    const scheduler = new KarrasVeScheduler({ sigma_max: 10 });
    scheduler.setTimesteps(10);
    const [generator, other] = [Generator.manualSeed(0), Generator.manualSeed(0)];
    const [first, , third] = scheduler.timesteps;
    const same = scheduler.addNoiseToInput(sample, first!, { generator });
    assertEquals(same.sample, sample);
    assertEquals(same.sigma, scheduler.sigmas![0]);
    scheduler.setBeginIndex(2);
    const noisy = scheduler.addNoiseToInput(sample, third!, { generator });
    const sigma = scheduler.sigmas![2]!;
    // √2 times σ: as much noise again, the most there is
    assert(Math.abs(noisy.sigma - sigma * Math.SQRT2) < 1e-5);
    other.randn(sample.dims);
    const added = other.randn(sample.dims).mul(1.007).mul(sigma);
    assert(noisy.sample.sub(sample).sub(added).abs().max().item() < 1e-5);
  });

  it("stepCorrect() needs a step before it, and not the last", () => {
    const scheduler = new KarrasVeScheduler();
    scheduler.setTimesteps(2);
    assertThrows(() => scheduler.stepCorrect(sample, sample), RangeError, "take a step first");
    for (const t of scheduler.timesteps) scheduler.step(sample, t, sample);
    assertThrows(() => scheduler.stepCorrect(sample, sample), RangeError, "ends at σ 0");
    const wrong = Tensor.ones([2, 1, 4, 4]);
    assertThrows(() => scheduler.stepCorrect(wrong, sample), TypeError, "shape");
  });

  it("addNoiseToInput() refuses what is not in the plan and what it does not know", () => {
    const scheduler = new KarrasVeScheduler();
    scheduler.setTimesteps(4);
    assertThrows(() => scheduler.addNoiseToInput(sample, 7), RangeError, "timestep 7");
    const eta = { eta: 1 } as object;
    assertThrows(() => scheduler.addNoiseToInput(sample, 3, eta), TypeError, "eta");
  });
});
