import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { LMSDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(LMSDiscreteScheduler, {
  refuses: [{ config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" }],
  convergence: {
    order: 4,
    steps: [80, 160, 320],
    config: { use_karras_sigmas: true },
    tolerance: 0.3,
  },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(LMSDiscreteScheduler, goldens, { tolerance: 2e-6 });
