import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
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
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 100, tolerance: 0.02, config: { algorithm_type: "sde-dpmsolver++" } },
});

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(DPMSolverMultistepScheduler, goldens, { tolerance: 1e-5 });

describe("DPMSolverMultistepScheduler", () => {
  it("runs plans that begin with equal timesteps to their end", () => {
    const config = { num_train_timesteps: 20, beta_end: 0.9, use_karras_sigmas: true };
    const scheduler = new DPMSolverMultistepScheduler(config);
    scheduler.setTimesteps(20);
    assertEquals(scheduler.timesteps.slice(0, 2), [19, 19]);
    let sample = Tensor.ones([1, 1, 2, 2]);
    for (const t of scheduler.timesteps) sample = scheduler.step(sample, t, sample).prevSample;
    assertEquals(scheduler.stepIndex, 20);
  });

  it("fromConfig() takes over a DEIS config with its own names for the solver", () => {
    const { config } = DPMSolverMultistepScheduler.fromConfig({
      _class_name: "DEISMultistepScheduler",
      algorithm_type: "deis",
      solver_type: "logrho",
    });
    assertEquals([config.algorithm_type, config.solver_type], ["dpmsolver++", "midpoint"]);
  });

  it("prints and loads -Infinity as Python does", async () => {
    const scheduler = new DPMSolverMultistepScheduler();
    assertStringIncludes(String(scheduler), '"lambda_min_clipped": -Infinity');
    const folder = await Deno.makeTempDir();
    try {
      await scheduler.savePretrained(folder);
      const loaded = await DPMSolverMultistepScheduler.fromPretrained(folder);
      assertEquals(loaded.config.lambda_min_clipped, -Infinity);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
