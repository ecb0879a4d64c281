import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { UniPCMultistepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(UniPCMultistepScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    { config: { shift_terminal: 0.1 }, message: "use_flow_sigmas" },
    { config: { solver_order: 0 }, message: "solver_order" },
    { config: { use_dynamic_shifting: true, use_flow_sigmas: true }, message: "mu" },
    { config: { predict_x0: false, prediction_type: "flow_prediction" }, message: "predict_x0" },
  ],
  convergence: [
    { order: 2, steps: [20, 40, 80], config: { solver_order: 1 } },
    { order: 3, steps: [10, 20, 40, 80], exactCalls: 3 },
    { order: 3, steps: [10, 20, 40, 80], config: { solver_type: "bh1" }, exactCalls: 3 },
    { order: 4, steps: [10, 20, 40], config: { solver_order: 3 }, exactCalls: 3 },
  ],
});

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(UniPCMultistepScheduler, goldens, { tolerance: 1e-5 });
