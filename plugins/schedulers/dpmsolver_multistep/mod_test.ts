import { testAgainstDiffusers, testScheduler } from "@denoise/core/testing";
import { DPMSolverMultistepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DPMSolverMultistepScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    { config: { algorithm_type: "dpmsolver" }, message: "final_sigmas_type" },
    {
      config: { algorithm_type: "sde-dpmsolver", final_sigmas_type: "sigma_min", solver_order: 3 },
      message: "solver_order",
    },
    {
      config: {
        algorithm_type: "dpmsolver",
        final_sigmas_type: "sigma_min",
        prediction_type: "flow_prediction",
      },
      message: "flow_prediction",
    },
  ],
  convergence: [
    { order: 1, steps: [20, 40, 80], config: { solver_order: 1 } },
    { order: 2, steps: [20, 40, 80] },
    { order: 2, steps: [20, 40, 80], config: { solver_type: "heun" } },
    {
      order: 2,
      steps: [20, 40, 80],
      config: { algorithm_type: "dpmsolver", final_sigmas_type: "sigma_min" },
    },
    { order: 2, steps: [30, 60, 120], config: { solver_order: 3 }, exactCalls: 3, tolerance: 0.35 },
    {
      order: 2,
      steps: [20, 40, 80],
      config: { use_flow_sigmas: true, prediction_type: "flow_prediction" },
    },
  ],
  distribution: { steps: 100, tolerance: 0.02, config: { algorithm_type: "sde-dpmsolver++" } },
});

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(DPMSolverMultistepScheduler, goldens, { tolerance: 1e-5 });
