import { describe, it } from "@std/testing/bdd";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { alphaSigma, countAboveLambda, lambdasOf, makeNoiseSchedule } from "./alphas.ts";
import type { BetaConfig, BetaScheduleName } from "./betas.ts";
import { assertClose, decode, digest, goldens } from "../../../tests/support/numbers.ts";
import { SD } from "./testdata/stable_diffusion.ts";

interface Golden {
  betas: {
    config: BetaConfig<BetaScheduleName>;
    betas: string;
    alphasCumprod: string;
    every: number;
    someSigmas: string;
    someAlphas?: string;
    lastAlpha: number;
  }[];
  clipped: {
    lambda: number;
    lambdas: string;
    used: number;
  };
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/schedules.json"));

describe("makeNoiseSchedule()", () => {
  for (const { config, every, ...wanted } of reference.betas) {
    const { beta_schedule, num_train_timesteps: count, beta_end: end } = config;
    const extra = (config.rescale_betas_zero_snr ? " rescaled" : "") +
      (config.trained_betas ? " trained" : "");
    it(`gives the reference's tables: ${beta_schedule}${extra}, ${count} to ${end}`, async () => {
      const found = makeNoiseSchedule(config, { lastAlphaCumprod: 2 ** -24 });
      const some = (table: Float32Array) => [...table].filter((_, i) => i % every === 0);
      assertEquals(found.alphasCumprod[count - 1], wanted.lastAlpha);
      if (wanted.someAlphas !== undefined) {
        // Rescaling goes through square roots, of which torch's (MKL on this processor) miss the
        // nearest float32 by one unit, 6e-8, about one time in six; the difference of the first
        // and the last root, 0.13 at least here, magnifies it.
        decode(wanted.someAlphas, "float32").forEach((bar, i) => {
          assertAlmostEquals(some(found.alphasCumprod)[i]!, bar, 2e-6);
        });
        return;
      }
      assertEquals(await digest(found.betas), wanted.betas);
      assertEquals(await digest(found.alphasCumprod), wanted.alphasCumprod);
      // As above: one unit of the square root.
      assertClose(some(found.sigmas), decode(wanted.someSigmas, "float32"), 1.2e-7);
    });
  }

  it("ends without signal when the last ᾱ is not replaced", () => {
    const { alphasCumprod } = makeNoiseSchedule({ ...SD, rescale_betas_zero_snr: true });
    assertEquals(alphasCumprod[999], 0);
    assertAlmostEquals(alphasCumprod[0]!, 1 - 0.00085, 1e-6); // the first ᾱ stays; float32
  });
});

describe("alphaSigma()", () => {
  it("splits sigma so that signal and noise have variance 1", () => {
    const { alpha, sigma } = alphaSigma(3);
    assertAlmostEquals(alpha ** 2 + sigma ** 2, 1, 2e-7); // float32
    assertAlmostEquals(sigma / alpha, 3, 1e-6);
  });

  it("splits shares of noise for flow", () => {
    assertEquals(alphaSigma(0.25, true), { alpha: 0.75, sigma: 0.25 });
  });
});

describe("countAboveLambda()", () => {
  it("counts the timesteps that the reference uses", () => {
    const { lambda, lambdas, used } = reference.clipped;
    const { alphasCumprod } = makeNoiseSchedule({ ...SD, beta_schedule: "squaredcos_cap_v2" });
    decode(lambdas, "float32").reverse().forEach((wanted, t) => {
      // The square roots may be off by 6e-8 relative, the logarithms by 2.4e-7 at 4.
      assertAlmostEquals(lambdasOf(alphasCumprod)[t]!, wanted, 1e-6);
    });
    assertEquals(countAboveLambda(alphasCumprod, lambda), used);
    assertEquals(countAboveLambda(alphasCumprod, -Infinity), 1000);
  });
});
