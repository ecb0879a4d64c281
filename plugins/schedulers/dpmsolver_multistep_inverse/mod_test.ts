import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DPMSolverMultistepInverseScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DPMSolverMultistepInverseScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    {
      config: { algorithm_type: "dpmsolver", prediction_type: "flow_prediction" },
      message: "flow_prediction",
    },
  ],
  convergence: [
    { order: 1, steps: [40, 80, 160], config: { solver_order: 1, use_exponential_sigmas: true } },
    { order: 2, steps: [40, 80, 160], config: { use_exponential_sigmas: true } },
    { order: 2, steps: [40, 80, 160], config: { use_karras_sigmas: true } },
  ],
});

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(DPMSolverMultistepInverseScheduler, goldens, { tolerance: 1e-5 });
