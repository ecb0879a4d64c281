import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { CogVideoXDPMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(CogVideoXDPMScheduler, {
  distribution: { steps: 500, tolerance: 0.03 }, // 16,384 samples know their deviation to 0.6 %
});

// A few roundings of float32 in samples of size 1; λ is a difference of logarithms.
testAgainstDiffusers(CogVideoXDPMScheduler, goldens, { tolerance: 5e-6 });

describe("CogVideoXDPMScheduler", () => {
  it("step() draws noise once at first and at last, and twice in between", () => {
    const scheduler = new CogVideoXDPMScheduler();
    scheduler.setTimesteps(4);
    const generator = Generator.manualSeed(0);
    let sample = Generator.manualSeed(1).randn([1, 1, 4, 4]);
    for (const t of scheduler.timesteps) {
      sample = scheduler.step(sample, t, sample, { generator }).prevSample;
    }
    const expected = Generator.manualSeed(0);
    for (let i = 0; i < 6; i++) expected.randn(sample.dims);
    assertEquals(generator.randn([16]), expected.randn([16]));
  });
});
