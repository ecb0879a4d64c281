import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { RePaintScheduler, type RePaintStepOptions } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const originalImage = Generator.manualSeed(2).randn([1, 3, 4, 4]);
const mask = Tensor.cat([Tensor.ones([1, 1, 4, 2]), Tensor.zeros([1, 1, 4, 2])], 3);

// Six steps have no jumps of ten: the suite calls a model at every timestep.
testScheduler(RePaintScheduler, { stepOptions: { originalImage, mask } });

// A few roundings of float32 in samples of size 1.
testAgainstDiffusers(RePaintScheduler, goldens, { tolerance: 2e-6 });

describe("RePaintScheduler", () => {
  const sample = Generator.manualSeed(0).randn([1, 3, 4, 4]);

  it("setTimesteps() goes back jumpLength steps, jumpNSample − 1 times", () => {
    const scheduler = new RePaintScheduler({ num_train_timesteps: 50 });
    scheduler.setTimesteps(5, { jumpLength: 2, jumpNSample: 2 });
    assertEquals(scheduler.timesteps, [40, 30, 20, 30, 40, 30, 20, 10, 0, 10, 20, 10, 0]);
    assertThrows(() => scheduler.setTimesteps(5, { jumpLength: 0 }), RangeError, "jumpLength");
  });

  it("step() ends with the original where it is known", () => {
    const scheduler = new RePaintScheduler();
    scheduler.setTimesteps(5);
    const { prevSample } = scheduler.step(sample, 0, sample, { originalImage, mask });
    assertEquals(prevSample.slice(3, 0, 2), originalImage.slice(3, 0, 2));
  });

  it("step() needs originalImage and mask", () => {
    const scheduler = new RePaintScheduler();
    scheduler.setTimesteps(5);
    const none = {} as RePaintStepOptions;
    assertThrows(() => scheduler.step(sample, 0, sample, none), TypeError, "originalImage");
  });

  it("undoStep() adds the noise of every trained timestep in between", () => {
    const scheduler = new RePaintScheduler();
    scheduler.setTimesteps(5);
    const generator = Generator.manualSeed(3);
    scheduler.undoStep(sample, 200, { generator });
    const expected = Generator.manualSeed(3);
    for (let i = 0; i < 200; i++) expected.randn(sample.dims);
    assertEquals(generator.randn([16]), expected.randn([16]));
    assertThrows(() => scheduler.undoStep(sample, 7), RangeError, "timestep 7");
  });
});
