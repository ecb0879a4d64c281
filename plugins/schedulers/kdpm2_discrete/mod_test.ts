import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { KDPM2DiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(KDPM2DiscreteScheduler, {
  refuses: [{ config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" }],
  convergence: { order: 2, steps: [10, 20, 40, 80] },
});

// Roundings of float32; where σ becomes small, slopes are quotients of small differences.
testAgainstDiffusers(KDPM2DiscreteScheduler, goldens, { tolerance: 1e-5 });
