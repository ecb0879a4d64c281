import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { betaQuantile } from "./beta_quantile.ts";
import { goldens } from "../../../tests/support/numbers.ts";

interface Golden {
  betaQuantile: { a: number; b: number; p: number[]; x: number[] }[];
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/math.json"));

describe("betaQuantile()", () => {
  it("agrees with scipy.stats.beta.ppf", () => {
    for (const { a, b, p, x } of reference.betaQuantile) {
      p.forEach((share, i) => {
        const found = betaQuantile(share, a, b);
        // Lanczos' gamma function is good to 1e-14; the tail of a share p magnifies it by 1/a.
        const allowed = 2e-13 * Math.max(Math.abs(x[i]!), 1e-3);
        assert(Math.abs(found - x[i]!) <= allowed, `${share} ${a} ${b}: ${found} not ${x[i]}`);
      });
    }
  });

  it("is sin²(πp/2) for the arcsine distribution", () => {
    for (const p of [0.01, 0.2, 0.5, 0.77, 0.999]) {
      assertAlmostEquals(betaQuantile(p, 0.5, 0.5), Math.sin(Math.PI * p / 2) ** 2, 1e-13);
    }
  });

  it("refuses shares outside 0..1", () => {
    assertThrows(() => betaQuantile(1.5, 1, 1), RangeError, "beta quantile of 1.5");
  });
});
