import type { Scheduler, Tensor } from "@denoise/core";
import { type NoiseLevel, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { CosineDPMSolverMultistepScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const level = ({ sigmas }: Scheduler, index: number): NoiseLevel => ({
  alpha: 1,
  sigma: sigmas![index]!,
});

/** F with x0 = x/(σ² + 1) − σ/√(σ² + 1)·F, for a sigma_data of 1. */
const output = (denoised: Tensor, x: Tensor, { sigma }: NoiseLevel): Tensor =>
  x.div(sigma ** 2 + 1).sub(denoised).div(sigma / Math.sqrt(sigma ** 2 + 1));

testScheduler(CosineDPMSolverMultistepScheduler, {
  // the standard deviation of 2048 samples is uncertain by 1.6 %, the steps add theirs
  distribution: { steps: 40, samples: 2048, tolerance: 0.05, level, output },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(CosineDPMSolverMultistepScheduler, goldens, { tolerance: 2e-6 });
