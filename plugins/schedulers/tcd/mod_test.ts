import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { TCDScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(TCDScheduler, {
  refuses: [{ config: { original_inference_steps: 4 }, message: "4 distilled" }, {
    config: { original_inference_steps: 2000 },
    message: "2000",
  }],
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(TCDScheduler, goldens, { tolerance: 2e-6 });
