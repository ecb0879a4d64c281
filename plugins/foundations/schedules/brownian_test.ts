import { Generator } from "@denoise/core";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { seedSequence } from "./_seed_sequence.ts";
import { brownianNoise, BrownianPath, drawSeeds } from "./brownian.ts";
import goldens from "./testdata/brownian.json" with { type: "json" };

const { dims, sigmas } = goldens;
const [first, last] = [sigmas[0]!, sigmas.at(-1)!];

function decode(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
}

describe("seedSequence()", () => {
  for (const { entropy, spawn_key: key, state } of goldens.seed_sequences) {
    it(`equals numpy's for ${entropy} and [${key}]`, () => {
      assertEquals(seedSequence(BigInt(entropy), key, 24, 4), state);
    });
  }
});

describe("brownianNoise()", () => {
  for (const { seed, noise: recorded } of goldens.paths) {
    it(`equals that of torchsde bit for bit for the seed ${seed}`, () => {
      const noise = brownianNoise({
        min: last,
        max: first,
        dims,
        seed: typeof seed === "string" ? BigInt(seed) : seed,
      });
      const pairs = sigmas.slice(1).map((sigma, i) => [sigmas[i]!, sigma] as const);
      const drawn = [...pairs, [sigmas[1]!, sigmas[3]!] as const]
        .flatMap(([from, to]) => [...noise(from, to).toFloat32Array()]);
      assertEquals(drawn, [...decode(recorded)]);
    });
  }

  it("refuses another number of seeds than samples", () => {
    assertThrows(
      () => brownianNoise({ min: 0, max: 1, dims: [2, 4], seed: [1] }),
      RangeError,
      "batch of 2",
    );
  });
});

describe("BrownianPath", () => {
  const path = new BrownianPath({ start: 0, end: 1, dims: [4096], seed: 3 });

  it("increments add up, whatever was asked for before", () => {
    const whole = path.increment(0.1, 0.7).at(0);
    const parts = path.increment(0.1, 0.25).at(0) + path.increment(0.25, 0.7).at(0);
    assertAlmostEquals(whole, parts, 1e-5); // roundings of float32 over twenty halvings
    const again = new BrownianPath({ start: 0, end: 1, dims: [4096], seed: 3 });
    assertEquals(again.increment(0.1, 0.7), path.increment(0.1, 0.7));
  });

  it("increments have the variance of their time", () => {
    const std = path.increment(0.2, 0.45).std().item();
    assertAlmostEquals(std, 0.5, 0.02); // 4096 numbers: 0.5/√8192 = 0.0055 is one deviation
  });

  it("runs backwards with the opposite sign and stays still in no time", () => {
    assertEquals(path.increment(0.7, 0.1), path.increment(0.1, 0.7).neg());
    assertEquals(path.increment(0.3, 0.3).abs().sum().item(), 0);
  });

  it("refuses to end before it starts", () => {
    assertThrows(() => new BrownianPath({ start: 1, end: 1, dims: [1], seed: 0 }), RangeError);
  });
});

describe("drawSeeds()", () => {
  it("draws one seed from a generator and one from each of a list", () => {
    assertEquals(drawSeeds(Generator.manualSeed(1)), drawSeeds(Generator.manualSeed(1)));
    const seeds = drawSeeds([Generator.manualSeed(1), Generator.manualSeed(2)]) as number[];
    assertEquals(seeds[0], drawSeeds(Generator.manualSeed(1)));
    assertEquals(seeds.length, 2);
  });
});
