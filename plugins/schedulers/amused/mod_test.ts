import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, Tensor } from "@denoise/core";
import { testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { AmusedScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

const MASK = 9;

/** Scores of 6 ids that depend on the token, its place and the timestep. */
function model(sample: Tensor, timestep: number): Tensor {
  const [batch, height, width] = sample.dims as [number, number, number];
  const tokens = sample.toFloat32Array();
  const length = height * width;
  return Tensor.zeros([batch, 6, height, width]).map((_, i) => {
    const [n, id, place] = [Math.floor(i / (6 * length)), Math.floor(i / length) % 6, i % length];
    return 3 * Math.sin(id * 3 + place + tokens[n * length + place]! + timestep);
  });
}

testScheduler(AmusedScheduler, {
  config: { mask_token_id: MASK },
  sample: Tensor.full([2, 4, 4], MASK, "int64"),
  model,
});

// Ids are equal or not: a difference of 1 in one of up to 15 would be 0.07.
testAgainstDiffusers(AmusedScheduler, goldens, { tolerance: 0 });

describe("AmusedScheduler", () => {
  const masked = Tensor.full([1, 4, 4], MASK, "int64");
  const create = (): AmusedScheduler => {
    const scheduler = new AmusedScheduler({ mask_token_id: MASK });
    scheduler.setTimesteps(4);
    return scheduler;
  };

  it("needs mask_token_id", () => {
    assertThrows(() => new AmusedScheduler(), TypeError, "mask_token_id has no default");
  });

  it("step() takes rows of tokens as well as squares", () => {
    const output = model(masked, 3);
    const generator = Generator.manualSeed(0);
    const square = create().step(output, 3, masked, { generator }).prevSample;
    generator.manualSeed(0);
    const rows = output.reshape([1, 6, 16]).permute([0, 2, 1]);
    const row = create().step(rows, 3, masked.reshape([1, 16]), { generator }).prevSample;
    assertEquals(row.reshape([1, 4, 4]), square);
  });

  it("step() keeps what is known and fewer masks from step to step", () => {
    const scheduler = create();
    let sample = masked;
    const left = scheduler.timesteps.map((t) => {
      sample = scheduler.step(model(sample, t), t, sample, {
        generator: Generator.manualSeed(t),
      }).prevSample;
      return sample.toFloat32Array().filter((token) => token === MASK).length;
    });
    assertEquals(left, [14, 11, 6, 0]); // ⌊16·cos(π/8·i)⌋
  });

  it("setTimesteps() takes a temperature or two", () => {
    const scheduler = create();
    const plan = (temperature: unknown) => () => scheduler.setTimesteps(4, { temperature });
    assertThrows(plan("hot"), TypeError, '"hot"');
    assertThrows(plan([1]), TypeError, "a number or two");
  });

  it("addNoise() masks as diffusers does with the same generator", () => {
    // add_noise of diffusers 0.42.1: the tokens 0 .. 15, timestep 2 of 4, seed 0
    const tokens = Tensor.arange(0, 16).reshape([1, 4, 4]);
    const noise = Generator.manualSeed(0).rand([1, 4, 4]);
    assertEquals(
      [...create().addNoise(tokens, noise, [2]).toFloat32Array()],
      [9, 1, 9, 9, 9, 9, 9, 7, 9, 9, 9, 9, 9, 9, 9, 9],
    );
    assertThrows(() => create().addNoise(tokens, noise, [4]), RangeError, "Timestep 4");
  });
});
