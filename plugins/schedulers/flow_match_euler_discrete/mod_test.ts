import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { FlowMatchEulerDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(FlowMatchEulerDiscreteScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    { config: { use_dynamic_shifting: true }, message: "needs the option mu" },
  ],
  convergence: { order: 1, steps: [20, 40, 80], predictionType: "flow_prediction" },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(FlowMatchEulerDiscreteScheduler, goldens, { tolerance: 2e-6 });

describe("FlowMatchEulerDiscreteScheduler", () => {
  it("step() takes each token to the next sigma below its own timestep", () => {
    const scheduler = new FlowMatchEulerDiscreteScheduler();
    scheduler.setTimesteps(undefined, { sigmas: [1, 0.5, 0.25] });
    const sample = Tensor.zeros([1, 3, 2]);
    const output = Tensor.ones([1, 3, 2]);
    const perTokenTimesteps = Tensor.from([[1000, 500, 250]]);
    const { prevSample } = scheduler.step(output, 1000, sample, { perTokenTimesteps });
    assertEquals(prevSample.toNested(), [[[0.5, 0.5], [0.25, 0.25], [0.25, 0.25]]]);
  });

  it("setTimesteps() takes a shift in place of the config's", () => {
    const sigmas = [1, 0.75, 0.5, 0.25];
    const scheduler = new FlowMatchEulerDiscreteScheduler();
    scheduler.setTimesteps(undefined, { sigmas, shift: 3 });
    const shifted = new FlowMatchEulerDiscreteScheduler({ shift: 3 });
    shifted.setTimesteps(undefined, { sigmas });
    assertEquals(scheduler.sigmas, shifted.sigmas);
  });

  it("addNoise() mixes samples and noise by the share of noise", () => {
    const scheduler = new FlowMatchEulerDiscreteScheduler();
    scheduler.setTimesteps(undefined, { sigmas: [1, 0.25] });
    const ones = Tensor.ones([1, 1, 1, 1]);
    assertEquals(scheduler.addNoise(ones, ones.mul(5), [250]).item(), 2);
  });
});
