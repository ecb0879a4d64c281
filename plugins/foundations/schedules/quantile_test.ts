import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { decode, goldens } from "../../../tests/support/numbers.ts";
import { quantile32 } from "./_quantile.ts";

interface Golden {
  quantile: { seed: number; n: number; q: number; value: string }[];
}

const { quantile } = goldens<Golden>(import.meta.resolve("./testdata/quantile.json"));

describe("quantile32()", () => {
  it("gives torch.quantile's bits", () => {
    for (const { seed, n, q, value } of quantile) {
      const sizes = Generator.manualSeed(seed).randn([2, n]).abs().toFloat32Array();
      const found = [sizes.subarray(0, n), sizes.subarray(n)].map((row) => quantile32(row, q));
      assertEquals(found, decode(value, "float32"), `${q} of ${n}`);
    }
  });

  it("refuses what is no share", () => {
    assertThrows(() => quantile32(Float32Array.of(1, 2), 1.5), RangeError, "from 0 to 1");
  });
});
