import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { EulerAncestralDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(EulerAncestralDiscreteScheduler, {
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 500, tolerance: 0.02 },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(EulerAncestralDiscreteScheduler, goldens, { tolerance: 2e-6 });
