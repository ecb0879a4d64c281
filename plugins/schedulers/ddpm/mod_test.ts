import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDPMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DDPMScheduler, {
  // without clipping, which is not part of the exact solution
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 500, tolerance: 0.03, config: { clip_sample: false } },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(DDPMScheduler, goldens, { tolerance: 2e-6 });

describe("DDPMScheduler", () => {
  it("step() works before setTimesteps(), from one trained timestep to the next", () => {
    const scheduler = new DDPMScheduler();
    const sample = Generator.manualSeed(0).randn([1, 3, 4, 4]);
    const options = { generator: Generator.manualSeed(1) };
    const before = scheduler.step(sample, 2, sample, options).prevSample;
    scheduler.setTimesteps(1000);
    options.generator.manualSeed(1);
    assertEquals(scheduler.step(sample, 2, sample, options).prevSample, before);
  });

  it("step() draws as many numbers as the sample holds, and none at timestep 0", () => {
    const scheduler = new DDPMScheduler();
    const generator = Generator.manualSeed(0);
    const sample = Tensor.zeros([1, 3, 4, 4]);
    scheduler.step(sample, 2, sample, { generator });
    scheduler.step(sample, 0, sample, { generator });
    const expected = Generator.manualSeed(0);
    expected.randn(sample.dims);
    assertEquals(generator.randn([16]), expected.randn([16]));
  });

  it("addNoise() gives each sample the noise of its timestep", () => {
    const scheduler = new DDPMScheduler();
    const ones = Tensor.ones([2, 1, 1, 1]);
    const both = scheduler.addNoise(ones, ones.mul(0), [10, 900]);
    const alone = scheduler.addNoise(ones.slice(0, 1), ones.slice(0, 1).mul(0), [900]);
    assertEquals(both.slice(0, 1), alone);
  });
});
