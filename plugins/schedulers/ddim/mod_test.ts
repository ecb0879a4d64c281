import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDIMScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DDIMScheduler, {
  convergence: {
    order: 1,
    steps: [25, 50, 100, 200], // these divide 1000, so that each step ends where the next begins
    config: { clip_sample: false },
  },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(DDIMScheduler, goldens, { tolerance: 2e-6 });

describe("DDIMScheduler", () => {
  const sample = Tensor.ones([1, 1, 4, 4]);

  it("step() takes varianceNoise in place of a generator, not beside it", () => {
    const scheduler = new DDIMScheduler();
    scheduler.setTimesteps(10);
    const t = scheduler.timesteps[0]!;
    const generator = Generator.manualSeed(5);
    const varianceNoise = generator.clone().randn(sample.dims);
    assertEquals(
      scheduler.step(sample, t, sample, { eta: 1, varianceNoise }).prevSample,
      scheduler.step(sample, t, sample, { eta: 1, generator }).prevSample,
    );
    assertThrows(
      () => scheduler.step(sample, t, sample, { eta: 1, varianceNoise, generator }),
      TypeError,
      "either generator or varianceNoise",
    );
  });

  it("setTimesteps() refuses steps that an offset pushes beyond the trained ones", () => {
    const scheduler = new DDIMScheduler({ steps_offset: 1 });
    assertThrows(() => scheduler.setTimesteps(1000), RangeError, "Cannot plan timestep 1000");
  });
});
