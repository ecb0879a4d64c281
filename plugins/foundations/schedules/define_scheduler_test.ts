import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertThrows } from "@std/assert";
import { Generator, number, Tensor } from "@denoise/core";
import { defineScheduler } from "./define_scheduler.ts";

/** A scheduler that only steps. */
const Plain = defineScheduler({
  className: "PlainScheduler",
  schema: { num_train_timesteps: number(4) },
  create: () => ({
    training: { timesteps: [3, 2, 1, 0] },
    plan: ({ numInferenceSteps }) => ({ timesteps: [3, 2, 1, 0].slice(0, numInferenceSteps) }),
    step: (_plan, { sample, output }) => ({ sample: sample.sub(output), mean: output }),
  }),
});

/** One that can do everything else too. */
const Versatile = defineScheduler({
  className: "VersatileScheduler",
  stepOptions: ["size"],
  schema: { num_train_timesteps: number(4) },
  outputDims: (_config, [batch, ...rest], given) => [batch!, given[1] ?? 1, ...rest],
  create: () => ({
    training: { timesteps: [3, 2, 1, 0] },
    plan: () => ({ timesteps: [3, 1] }),
    step: (_plan, { sample }) => ({ sample }),
    correct: (_plan, { sample, noise }) => sample.add(noise()),
    undo: (_plan, { sample, timestep, noise }) => sample.mul(timestep).add(noise()),
    batchStep: (_plan, { sample, timesteps }) => sample.add(Tensor.from([...timesteps])),
  }),
});

describe("defineScheduler()", () => {
  const sample = Tensor.from([[1, 2], [3, 4]]);
  const noise = Generator.manualSeed(0).randn([2, 2]);

  it("step() gives the mean of methods that know it", () => {
    const scheduler = new Plain();
    scheduler.setTimesteps(2);
    assertEquals(scheduler.step(sample, 3, sample).prevSampleMean, sample);
  });

  it("stepCorrect(), undoStep() and batchStepNoNoise() say when a class has none", () => {
    const scheduler = new Plain();
    scheduler.setTimesteps(2);
    assertThrows(() => scheduler.stepCorrect(sample, sample), TypeError, "no corrector");
    assertThrows(() => scheduler.undoStep(sample, 3), TypeError, "one way only");
    assertThrows(
      () => scheduler.batchStepNoNoise(sample, [3, 2], sample),
      TypeError,
      "one after the other",
    );
  });

  it("stepCorrect() and undoStep() draw from the generator and leave the cursor alone", () => {
    const scheduler = new Versatile();
    scheduler.setTimesteps(2);
    const output = Tensor.zeros([2, 7, 2]);
    const generator = Generator.manualSeed(0);
    assertEquals(scheduler.stepCorrect(output, sample, { generator }), sample.add(noise));
    generator.manualSeed(0);
    assertEquals(scheduler.undoStep(sample, 3, { generator }), sample.mul(3).add(noise));
    assertEquals(scheduler.stepIndex, undefined);
    assertThrows(() => scheduler.undoStep(sample, 2), RangeError, "timestep 2");
    assertThrows(() => scheduler.undoStep(sample, 3, { eta: 1 } as object), TypeError, "eta");
  });

  it("batchStepNoNoise() takes one timestep for each sample", () => {
    const scheduler = new Versatile();
    const output = Tensor.zeros([2, 7, 2]);
    assertEquals(
      scheduler.batchStepNoNoise(output, [3, 1], sample).toNested(),
      [[4, 3], [6, 5]],
    );
    assertThrows(
      () => scheduler.batchStepNoNoise(output, [3], sample),
      TypeError,
      "1 timesteps for 2 samples",
    );
  });

  it("outputDims() may go by the shape that the output has", () => {
    const scheduler = new Versatile();
    scheduler.setTimesteps(2);
    assertEquals(scheduler.step(Tensor.zeros([2, 7, 2]), 3, sample).prevSample, sample);
    assertThrows(() => scheduler.step(Tensor.zeros([2, 7]), 1, sample), TypeError, "[2, 7, 2]");
  });
});
