import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { VQDiffusionScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

/** Log probabilities of 6 ids that depend on the token, its place and the timestep. */
function model(sample: Tensor, timestep: number): Tensor {
  const [batch, length] = sample.dims as [number, number];
  const tokens = sample.toFloat32Array();
  const scores = Tensor.zeros([batch, 6, length]).map((_, i) => {
    const [n, id, place] = [Math.floor(i / (6 * length)), Math.floor(i / length) % 6, i % length];
    return Math.sin(id * 3 + place + tokens[n * length + place]! + timestep);
  });
  return scores.sub(scores.exp().sum(1, { keepDims: true }).log());
}

testScheduler(VQDiffusionScheduler, {
  config: { num_vec_classes: 7 },
  sample: Tensor.full([2, 8], 6, "int64"),
  model,
});

// Ids are equal or not: a difference of 1 in one of up to 13 would be 0.08.
testAgainstDiffusers(VQDiffusionScheduler, goldens, { tolerance: 0 });

describe("VQDiffusionScheduler", () => {
  it("needs num_vec_classes", () => {
    assertThrows(() => new VQDiffusionScheduler(), TypeError, "num_vec_classes has no default");
  });

  it("step() refuses ids that there are not", () => {
    const scheduler = new VQDiffusionScheduler({ num_vec_classes: 7 });
    const sample = Tensor.full([1, 8], 7, "int64");
    assertThrows(() => scheduler.step(model(sample, 1), 1, sample), RangeError, "0 to 6");
  });

  it("takes tokens of a known distribution out of masks", () => {
    const shares = [0.5, 0.3, 0.2];
    const scheduler = new VQDiffusionScheduler({ num_vec_classes: 4 });
    scheduler.setTimesteps(100);
    const count = 4096;
    const output = Tensor.from(shares.map(Math.log)).reshape([1, 3, 1]).expand([1, 3, count]);
    const generator = Generator.manualSeed(0);
    let sample = Tensor.full([1, count], 3, "int64");
    for (const t of scheduler.timesteps) {
      sample = scheduler.step(output, t, sample, { generator }).prevSample;
    }
    const tokens = sample.toFloat32Array();
    assert(tokens.every((token) => token < 3), "a mask is left");
    shares.forEach((share, id) => {
      const found = tokens.filter((token) => token === id).length / count;
      assertAlmostEquals(found, share, 0.03); // four standard deviations of a share of 4096
    });
  });
});
