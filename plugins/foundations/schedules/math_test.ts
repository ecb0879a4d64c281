import { roundHalfEven } from "@denoise/core";
import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { sigmoid32 } from "./_sigmoid.ts";
import {
  arange,
  cumprod32,
  integrateLagrange,
  interp,
  linspace,
  linspace32,
  searchSorted,
} from "./math.ts";
import { decode, digest, goldens } from "../../../tests/support/numbers.ts";

interface Golden {
  linspace: { start: number; end: number; count: number; torch: string; numpy: string }[];
  arange: { start: number; end: number; step: number; count: number; sha256: string }[];
  cumprod: { values: string; sha256: string };
  interp: { xs: string; ys: string; values: string; result: string };
  sigmoid: string;
  round: { values: number[]; result: number[] };
  lagrange: { nodes: number[]; chosen: number; from: number; to: number; value: number }[];
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/math.json"));

describe("math", () => {
  it("linspace32() is torch.linspace bit for bit", async () => {
    for (const { start, end, count, torch } of reference.linspace) {
      assertEquals(await digest(linspace32(start, end, count)), torch, `${start} ${end} ${count}`);
    }
  });

  it("linspace() is numpy.linspace bit for bit", async () => {
    for (const { start, end, count, numpy } of reference.linspace) {
      const values = Float64Array.from(linspace(start, end, count));
      assertEquals(await digest(values), numpy, `${start} ${end} ${count}`);
    }
  });

  it("arange() is numpy.arange bit for bit, with its count", async () => {
    for (const { start, end, step, count, sha256 } of reference.arange) {
      const values = arange(start, end, step);
      assertEquals(values.length, count);
      assertEquals(await digest(Float64Array.from(values)), sha256, `${start} ${end} ${step}`);
    }
  });

  it("cumprod32() is torch.cumprod bit for bit", async () => {
    const { values, sha256 } = reference.cumprod;
    assertEquals(await digest(cumprod32(decode(values, "float32"))), sha256);
  });

  it("interp() is numpy.interp bit for bit", () => {
    const { xs, ys, values, result } = reference.interp;
    assertEquals(
      interp(decode(values, "float64"), decode(ys, "float32"), decode(xs, "float64")),
      decode(result, "float64"),
    );
  });

  it("interp() takes positions for missing xs", () => {
    assertEquals(interp([-1, 0.5, 1.25, 9], [0, 10, 30]), [0, 5, 15, 30]);
  });

  it("roundHalfEven() rounds as numpy.round", () => {
    assertEquals(reference.round.values.map(roundHalfEven), reference.round.result);
  });

  it("sigmoid32() is torch.sigmoid bit for bit", async () => {
    assertEquals(await digest(linspace32(-12, 12, 4096).map(sigmoid32)), reference.sigmoid);
  });

  it("searchSorted() counts the smaller numbers", () => {
    const rising = [1, 2, 2, 5];
    assertEquals([0, 1, 2, 3, 9].map((x) => searchSorted(rising, x)), [0, 0, 1, 3, 4]);
  });

  it("integrateLagrange() agrees with numerical integration", () => {
    for (const { nodes, chosen, from, to, value } of reference.lagrange) {
      // quad was asked for 1e-10.
      const off = Math.abs(integrateLagrange(nodes, chosen, from, to) - value);
      assert(off <= 1e-10 * Math.abs(value), `${nodes} ${chosen}: off by ${off}`);
    }
  });

  it("integrateLagrange() sums to the length of the interval over all nodes", () => {
    const nodes = [3, 2.5, 1, 0.2];
    const total = nodes.reduce((sum, _, i) => sum + integrateLagrange(nodes, i, 2, 0.5), 0);
    // Lagrange polynomials add up to 1; rounding of a few float64 terms.
    assertAlmostEquals(total, -1.5, 1e-13);
  });
});
