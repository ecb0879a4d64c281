import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { CogVideoXDDIMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(CogVideoXDDIMScheduler, {
  // these divide 1000, so that each step ends where the next begins
  convergence: { order: 1, steps: [25, 50, 100, 200] },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(CogVideoXDDIMScheduler, goldens, { tolerance: 2e-6 });
