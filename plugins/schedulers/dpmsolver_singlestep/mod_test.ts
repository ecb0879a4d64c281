import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DPMSolverSinglestepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

/** Half of the calls, in whole steps of two or three. */
const pairs = (calls: number): number => Math.floor(calls / 4) * 2;
const triples = (calls: number): number => Math.floor(calls / 6) * 3;

testScheduler(DPMSolverSinglestepScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    { config: { algorithm_type: "dpmsolver" }, message: "final_sigmas_type" },
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
    { order: 2, steps: [16, 32, 64, 128], until: pairs },
    { order: 2, steps: [16, 32, 64, 128], config: { solver_type: "heun" }, until: pairs },
    { order: 3, steps: [12, 24, 48], config: { solver_order: 3 }, until: triples },
    {
      order: 3,
      steps: [12, 24, 48],
      config: { solver_order: 3, solver_type: "heun" },
      until: triples,
    },
  ],
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: {
    steps: 100,
    tolerance: 0.02,
    config: { algorithm_type: "sde-dpmsolver++", solver_order: 1 },
  },
});

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(DPMSolverSinglestepScheduler, goldens, { tolerance: 1e-5 });
