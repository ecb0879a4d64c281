import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { DDIMParallelScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

testScheduler(DDIMParallelScheduler, {
  convergence: {
    order: 1,
    steps: [25, 50, 100, 200], // these divide 1000, so that each step ends where the next begins
    config: { clip_sample: false },
  },
});

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(DDIMParallelScheduler, goldens, { tolerance: 2e-6 });

describe("DDIMParallelScheduler", () => {
  const samples = Generator.manualSeed(0).randn([3, 1, 4, 4]);
  const outputs = Generator.manualSeed(1).randn([3, 1, 4, 4]);

  it("batchStepNoNoise() takes the steps of step()", () => {
    const scheduler = new DDIMParallelScheduler();
    scheduler.setTimesteps(10);
    const timesteps = [900, 500, 0];
    const each = timesteps.map((t, i) => {
      const [output, sample] = [outputs, samples].map((batch) => batch.slice(0, i, i + 1));
      return scheduler.step(output!, t, sample!).prevSample;
    });
    assertEquals(scheduler.batchStepNoNoise(outputs, timesteps, samples), Tensor.cat(each));
  });

  it("batchStepNoNoise() refuses noise, other timesteps and other shapes", () => {
    const scheduler = new DDIMParallelScheduler();
    scheduler.setTimesteps(10);
    const batch = (timesteps: number[], options = {}, output = outputs) => () =>
      scheduler.batchStepNoNoise(output, timesteps, samples, options);
    assertThrows(batch([9, 9, 9], { eta: 1 }), RangeError, "eta must be 0");
    assertThrows(batch([9, 9, 1000]), RangeError, "0 to 999");
    assertThrows(batch([9]), TypeError, "1 timesteps for 3 samples");
    assertThrows(batch([9, 9, 9], {}, outputs.slice(0, 0, 1)), TypeError, "shape");
  });
});
