import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { configValue, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { EulerDiscreteScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(EulerDiscreteScheduler, {
  refuses: [{
    config: { use_karras_sigmas: true, use_beta_sigmas: true },
    message: "only one of use_karras_sigmas, use_beta_sigmas",
  }],
  convergence: { order: 1, steps: [20, 40, 80, 160] },
});

// A few roundings of float32, relative to the largest value of the sample.
testAgainstDiffusers(EulerDiscreteScheduler, goldens, { tolerance: 2e-6 });

/** scheduler_config.json of Stable Diffusion 1.5. */
const SD15 = {
  _class_name: "PNDMScheduler",
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
  clip_sample: false,
};

describe("EulerDiscreteScheduler", () => {
  it("fromConfig() keeps its own spacing where the repo names none", () => {
    const scheduler = EulerDiscreteScheduler.fromConfig(SD15);
    scheduler.setTimesteps(20);
    assertEquals(scheduler.timesteps[0], 999);
    assertAlmostEquals(scheduler.timesteps[1]!, 946.42, 0.01); // two digits are printed
    assertAlmostEquals(scheduler.initNoiseSigma, 14.6146, 1e-4); // four digits are printed
    assertEquals(configValue(scheduler.config, "skip_prk_steps"), true);
  });

  it("fromConfig() takes over a spacing that the repo names", () => {
    const scheduler = EulerDiscreteScheduler.fromConfig({ ...SD15, timestep_spacing: "leading" });
    scheduler.setTimesteps(20);
    assertEquals(scheduler.timesteps.slice(0, 2), [951, 901]);
    assertAlmostEquals(scheduler.initNoiseSigma, 11.0736, 1e-4); // four digits are printed
  });

  it("setTimesteps() refuses own timesteps beside a sigma schedule or continuous ones", () => {
    const timesteps = [900, 500, 100];
    const karras = new EulerDiscreteScheduler({ use_karras_sigmas: true });
    assertThrows(
      () => karras.setTimesteps(undefined, { timesteps }),
      RangeError,
      "use_karras_sigmas",
    );
    const continuous = new EulerDiscreteScheduler({
      timestep_type: "continuous",
      prediction_type: "v_prediction",
    });
    assertThrows(
      () => continuous.setTimesteps(undefined, { timesteps }),
      RangeError,
      "continuous",
    );
  });

  it("step() works in float32 and gives back the type of the output", () => {
    const scheduler = new EulerDiscreteScheduler();
    scheduler.setTimesteps(10);
    const half = Tensor.full([1, 1, 2, 2], 10, "float16");
    const { prevSample } = scheduler.step(half, scheduler.timesteps[0]!, half);
    assertEquals(prevSample.dtype, "float16");
  });
});
