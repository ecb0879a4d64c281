import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { makeNoiseSchedule } from "./alphas.ts";
import {
  alphaBarBetas,
  type BetaConfig,
  makeBetas,
  rescaleAlphasZeroTerminalSnr,
} from "./betas.ts";
import { decode, goldens } from "../../../tests/support/numbers.ts";
import { SD } from "./testdata/stable_diffusion.ts";

interface Golden {
  rescaledAlphas: string;
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/schedules.json"));

describe("makeBetas()", () => {
  it("rises from beta_start to beta_end", () => {
    for (const beta_schedule of ["linear", "scaled_linear", "sigmoid"] as const) {
      const betas = makeBetas({ ...SD, beta_schedule });
      assert(betas.every((beta, i) => i === 0 || beta > betas[i - 1]!));
      // The sigmoid of 6 is 0.9975.
      assertAlmostEquals(betas[0]!, SD.beta_start, 3e-5);
      assertAlmostEquals(betas[999]!, SD.beta_end, 3e-5);
    }
  });

  it("takes trained betas as they are", () => {
    const betas = makeBetas({ ...SD, trained_betas: [0.25, 0.5] });
    assertEquals([...betas], [0.25, 0.5]);
  });

  it("refuses an unknown schedule and names the known ones", () => {
    const config: object = { ...SD, beta_schedule: "cubic" };
    assertThrows(() => makeBetas(config as BetaConfig), RangeError, '"squaredcos_cap_v2"');
  });
});

describe("alphaBarBetas()", () => {
  it("has a running product of 1 − β that follows ᾱ(t)", () => {
    const betas = alphaBarBetas(100, { transform: (t) => (1 - 0.9 * t) ** 2 });
    const half = betas.slice(0, 50).reduce((product, beta) => product * (1 - beta), 1);
    assertAlmostEquals(half, 0.55 ** 2, 1e-12); // 50 products in float64
  });
});

describe("rescaleAlphasZeroTerminalSnr()", () => {
  it("gives the numbers of the CogVideoX schedulers", () => {
    const { alphasCumprod } = makeNoiseSchedule(SD);
    const found = [...rescaleAlphasZeroTerminalSnr(alphasCumprod)].filter((_, i) => i % 50 === 0);
    // torch's square root is off by up to 6e-8 of 1.
    decode(reference.rescaledAlphas, "float32").forEach((bar, i) => {
      assertAlmostEquals(found[i]!, bar, 3e-7);
    });
  });
});
