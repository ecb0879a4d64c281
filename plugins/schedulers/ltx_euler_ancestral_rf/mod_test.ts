import type { Scheduler } from "@denoise/core";
import { type NoiseLevel, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { LTXEulerAncestralRFScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const level = ({ sigmas }: Scheduler, index: number): NoiseLevel => ({
  alpha: 1 - sigmas![index]!,
  sigma: sigmas![index]!,
});

testScheduler(LTXEulerAncestralRFScheduler, {
  convergence: {
    order: 1,
    steps: [20, 40, 80],
    config: { eta: 0 },
    predictionType: "flow_prediction",
    level,
  },
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 200, tolerance: 0.03, predictionType: "flow_prediction", level },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(LTXEulerAncestralRFScheduler, goldens, { tolerance: 2e-6 });
