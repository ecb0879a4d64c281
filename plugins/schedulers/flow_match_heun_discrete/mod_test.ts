import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { FlowMatchHeunDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(FlowMatchHeunDiscreteScheduler, {
  convergence: { order: 2, steps: [10, 20, 40, 80], predictionType: "flow_prediction" },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(FlowMatchHeunDiscreteScheduler, goldens, { tolerance: 2e-6 });
