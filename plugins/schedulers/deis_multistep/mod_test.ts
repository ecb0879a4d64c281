import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DEISMultistepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DEISMultistepScheduler, {
  refuses: [{ config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" }],
  convergence: [
    { order: 1, steps: [20, 40, 80], config: { solver_order: 1 } },
    { order: 2, steps: [10, 20, 40, 80], config: { use_exponential_sigmas: true }, exactCalls: 1 },
    {
      order: 3,
      steps: [10, 20, 40, 80],
      config: { use_exponential_sigmas: true, solver_order: 3 },
      exactCalls: 3,
    },
  ],
});

// Roundings of float32; the weights are differences of large terms.
testAgainstDiffusers(DEISMultistepScheduler, goldens, { tolerance: 1e-5 });
