import type { Scheduler, Tensor } from "@denoise/core";
import { type NoiseLevel, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { EDMDPMSolverMultistepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const level = ({ sigmas }: Scheduler, index: number): NoiseLevel => ({
  alpha: 1,
  sigma: sigmas![index]!,
});

/** F with x0 = x/(σ² + 1) + σ/√(σ² + 1)·F, for a sigma_data of 1. */
const output = (denoised: Tensor, x: Tensor, { sigma }: NoiseLevel): Tensor =>
  denoised.sub(x.div(sigma ** 2 + 1)).div(sigma / Math.sqrt(sigma ** 2 + 1));

testScheduler(EDMDPMSolverMultistepScheduler, {
  refuses: [{
    config: { algorithm_type: "sde-dpmsolver++", solver_order: 3 },
    message: "solver_order",
  }],
  convergence: [
    { order: 1, steps: [40, 80, 160], config: { sigma_data: 1, solver_order: 1 }, level, output },
    { order: 2, steps: [20, 40, 80], config: { sigma_data: 1 }, level, output },
    {
      order: 2,
      steps: [20, 40, 80],
      config: { sigma_data: 1, solver_type: "heun" },
      level,
      output,
    },
    {
      order: 2,
      steps: [60, 120, 240],
      config: { sigma_data: 1, solver_order: 3 },
      level,
      output,
      exactCalls: 3,
      tolerance: 0.35,
    },
  ],
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: {
    steps: 100,
    tolerance: 0.02,
    config: { sigma_data: 1, algorithm_type: "sde-dpmsolver++" },
    level,
    output,
  },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(EDMDPMSolverMultistepScheduler, goldens, { tolerance: 2e-6 });
