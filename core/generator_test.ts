import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Generator } from "./generator.ts";
import type { Tensor } from "./tensor.ts";
import { digest, goldens } from "../tests/support/numbers.ts";

type Call = [op: string, ...args: (number | number[])[]];

interface Golden {
  cases: {
    seed: string;
    initial_seed: string;
    draws: { call: Call; sha256: string; first: number[] }[];
  }[];
}

function draw(generator: Generator, [op, ...args]: Call): Tensor {
  switch (op) {
    case "randn":
      return generator.randn(args[0] as number[]);
    case "randn64":
      return generator.randn(args[0] as number[], "float64");
    case "randn16":
      return generator.randn(args[0] as number[], "float16");
    case "rand":
      return generator.rand(args[0] as number[]);
    case "rand64":
      return generator.rand(args[0] as number[], "float64");
    case "randint":
      return generator.randint(args[0] as number, args[1] as number, args[2] as number[]);
    default:
      return generator.randperm(args[0] as number);
  }
}

describe("Generator", () => {
  for (
    const { seed, initial_seed, draws } of goldens<Golden>(
      import.meta.resolve("./testdata/random.json"),
    ).cases
  ) {
    it(`gives torch's numbers for seed ${seed}, call after call`, async () => {
      const generator = Generator.manualSeed(BigInt(seed));
      assertEquals(generator.initialSeed, BigInt(initial_seed));
      for (const { call, sha256, first } of draws) {
        const values = draw(generator, call);
        const where = JSON.stringify(call);
        assertEquals([...values.astype("float64").data.slice(0, 2)], first, where);
        assertEquals(await digest(values.data), sha256, where);
      }
    });
  }

  it("gives normal numbers of mean 0 and variance 1", () => {
    // A million numbers: the mean's standard error is 1e-3, the variance's 1.4e-3; six of them.
    const noise = new Generator(5).randn([1_000_000]);
    assert(Math.abs(noise.mean().item()) < 6e-3);
    assert(Math.abs(noise.std().item() ** 2 - 1) < 8.4e-3);
  });

  it("gives each image of a batch what it gives the image alone, in steps of 16", () => {
    const alone = new Generator(3).randn([1, 4, 8, 8]);
    const batch = new Generator(3).randn([2, 4, 8, 8]);
    assert(batch.slice(0, 0, 1).equals(alone));
  });

  it("manualSeed() starts again and forgets the kept normal number", () => {
    const generator = new Generator(11);
    const first = generator.randn([3]);
    assert(generator.manualSeed(11).randn([3]).equals(first));
  });

  it("takes numbers and bigints for the same seed", () => {
    assert(new Generator(-1).rand([4]).equals(new Generator((1n << 64n) - 1n).rand([4])));
  });

  it("clone() goes on independently", () => {
    const generator = new Generator(4);
    generator.randn([5]);
    const copy = generator.clone();
    const expected = generator.randn([7]);
    generator.randn([100]);
    assert(copy.randn([7]).equals(expected));
    assertEquals(copy.initialSeed, 4n);
  });

  it("setState() goes back to where getState() was", () => {
    const generator = new Generator(4);
    generator.randn([700]);
    const state = generator.getState();
    const expected = generator.randn([3, 3]);
    assert(generator.setState(state).randn([3, 3]).equals(expected));
  });

  it("seed() draws another seed each time", () => {
    const generator = new Generator();
    assertEquals(generator.initialSeed, 67280421310721n);
    assertNotEquals(generator.seed(), generator.seed());
  });

  it("refuses seeds that torch refuses", () => {
    assertThrows(() => new Generator(1n << 64n), RangeError, "from -2^63 to 2^64 - 1");
    assertThrows(() => new Generator(-(1n << 63n) - 1n), RangeError, "-9223372036854775809");
    assertThrows(() => new Generator(0.5), TypeError, "A seed is an integer, but it is 0.5");
  });

  it("randint() refuses an empty range", () => {
    assertThrows(() => new Generator(0).randint(3, 3, [1]), RangeError, "from 3 up to 3");
  });

  it("refuses a shape that is none", () => {
    assertThrows(() => new Generator(0).randn([2, -1]), TypeError, "[2, -1]");
  });
});
