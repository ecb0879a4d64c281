import type { Scheduler, Tensor } from "@denoise/core";
import { type NoiseLevel, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { EDMEulerScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const level = ({ sigmas }: Scheduler, index: number): NoiseLevel => ({
  alpha: 1,
  sigma: sigmas![index]!,
});

/** F with x0 = x/(σ² + 1) + σ/√(σ² + 1)·F, for a sigma_data of 1. */
const output = (denoised: Tensor, x: Tensor, { sigma }: NoiseLevel): Tensor =>
  denoised.sub(x.div(sigma ** 2 + 1)).div(sigma / Math.sqrt(sigma ** 2 + 1));

testScheduler(EDMEulerScheduler, {
  convergence: { order: 1, steps: [40, 80, 160], config: { sigma_data: 1 }, level, output },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(EDMEulerScheduler, goldens, { tolerance: 2e-6 });
