import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { FlowMatchLCMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(FlowMatchLCMScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    { config: { use_dynamic_shifting: true }, message: "needs the option mu" },
    { config: { scale_factors: [1, 2] }, message: "give 5 scale factors, not 2" },
  ],
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(FlowMatchLCMScheduler, goldens, { tolerance: 2e-6 });

describe("FlowMatchLCMScheduler", () => {
  it("step() grows the sample by the scale factors, counted from the first size", () => {
    const scheduler = new FlowMatchLCMScheduler({ scale_factors: [1.5, 2] });
    const grow = (): number[][] => {
      const generator = Generator.manualSeed(0);
      let sample = Tensor.zeros([1, 2, 4, 6]);
      return scheduler.timesteps.map((t) => {
        sample = scheduler.step(sample, t, sample, { generator }).prevSample;
        return sample.dims.slice(2);
      });
    };
    scheduler.setTimesteps(3);
    assertEquals(grow(), [[6, 9], [8, 12], [8, 12]]);
    scheduler.setTimesteps(3);
    assertEquals(grow(), [[6, 9], [8, 12], [8, 12]]);
  });

  it("setTimesteps() takes scale factors in place of the config's", () => {
    const scheduler = new FlowMatchLCMScheduler();
    scheduler.setTimesteps(2, { scaleFactors: [2], upscaleMode: "nearest" });
    const sample = Tensor.from([[[[1, 2]]]]);
    const zero = sample.mul(0);
    const { predOriginalSample } = scheduler.step(zero, scheduler.timesteps[0]!, sample);
    assertEquals(predOriginalSample!.toNested(), [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]);
  });
});
