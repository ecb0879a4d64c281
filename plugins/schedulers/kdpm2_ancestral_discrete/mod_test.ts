import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { KDPM2AncestralDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(KDPM2AncestralDiscreteScheduler, {
  refuses: [{ config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" }],
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 250, tolerance: 0.02 },
});

// Roundings of float32; where σ becomes small, slopes are quotients of small differences.
testAgainstDiffusers(KDPM2AncestralDiscreteScheduler, goldens, { tolerance: 1e-5 });
