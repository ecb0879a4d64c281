import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Generator } from "./generator.ts";
import { drawBatch, manualSeed, randn, randnTensor } from "./random.ts";

describe("randnTensor()", () => {
  it("draws the whole batch from one generator", () => {
    assert(randnTensor([2, 4], new Generator(1)).equals(new Generator(1).randn([2, 4])));
  });

  it("takes a list of one as that generator", () => {
    assert(randnTensor([2, 4], [new Generator(1)]).equals(new Generator(1).randn([2, 4])));
  });

  it("draws each image from its own generator, at any place of the batch", () => {
    const generators = [5, 6, 7].map((seed) => new Generator(seed));
    const batch = randnTensor([3, 2, 5, 5], generators);
    assertEquals(batch.dims, [3, 2, 5, 5]);
    [5, 6, 7].forEach((seed, place) => {
      const alone = new Generator(seed).randn([1, 2, 5, 5]);
      assert(batch.slice(0, place, place + 1).equals(alone));
    });
  });

  it("refuses a list of another length than the batch and names both", () => {
    const generators = [new Generator(0), new Generator(1)];
    assertThrows(() => randnTensor([3, 4], generators), RangeError, "batch of 3 from 2 generators");
  });

  it("draws float16", () => {
    assertEquals(randnTensor([1, 20], new Generator(0), "float16").dtype, "float16");
  });
});

describe("drawBatch()", () => {
  it("draws other numbers than normal ones in the same way", () => {
    const generators = [5, 6].map((seed) => new Generator(seed));
    const batch = drawBatch([2, 3], generators, (own, dims) => own.rand(dims));
    assert(batch.slice(0, 1, 2).equals(new Generator(6).rand([1, 3])));
  });
});

describe("manualSeed()", () => {
  it("seeds the generator that is used when none is given", () => {
    manualSeed(42);
    const found = [randn([2, 2]), drawBatch([4], undefined, (own, dims) => own.rand(dims))];
    const generator = new Generator(42);
    const wanted = [generator.randn([2, 2]), generator.rand([4])];
    found.forEach((tensor, i) => assert(tensor.equals(wanted[i]!)));
  });
});
