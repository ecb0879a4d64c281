import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { toFloat32 } from "../math.ts";
import { decode, digest, golden } from "../testdata/mod.ts";
import { alphaSigma, countAboveLambda, lambdasOf, makeNoiseSchedule } from "./alphas.ts";
import {
  alphaBarBetas,
  type BetaConfig,
  makeBetas,
  rescaleAlphasZeroTerminalSnr,
} from "./betas.ts";
import { dynamicShift, flowSigmas, shiftSigmas, stretchToTerminal, timeShift } from "./flow.ts";
import {
  betaSigmas,
  exponentialSigmas,
  karrasSigmas,
  logSigmasOf,
  luSigmas,
  sigmaToTimestep,
} from "./sigmas.ts";
import { checkSteps, indexForTimestep, spaceTimesteps, type SpacingConfig } from "./timesteps.ts";

interface Golden {
  betas: {
    config: BetaConfig;
    betas: string;
    alphasCumprod: string;
    every: number;
    someSigmas: string;
    someAlphas?: string;
    lastAlpha: number;
  }[];
  rescaledAlphas: string;
  timesteps: {
    config: SpacingConfig;
    steps: number;
    integer: string;
    float32: string;
    withoutLast: string;
  }[];
  clipped: {
    lambda: number;
    lambdas: string;
    used: number;
    cases: { spacing: string; timesteps: number[] }[];
  };
  sigmas: {
    count: number;
    min: number;
    max: number;
    karras: string;
    exponential: string;
    beta: string;
    lu: string;
    timesteps: string;
    timesteps32: string;
  }[];
  logSigmas: string;
  flow: {
    config: { shift?: number; use_dynamic_shifting?: boolean; time_shift_type?: string };
    mu: number | null;
    terminal: number | null;
    sigmas: string;
  }[];
}

const reference = golden<Golden>("schedules");
const SD: BetaConfig = {
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  beta_end: 0.012,
  num_train_timesteps: 1000,
};

function assertClose(found: readonly number[], wanted: readonly number[], relative: number): void {
  assertEquals(found.length, wanted.length);
  found.forEach((value, i) => {
    const off = Math.abs(value - wanted[i]!);
    assert(off <= relative * Math.abs(wanted[i]!), `${i}: ${value} is not ${wanted[i]}`);
  });
}

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

  it("refuses an unknown schedule and names the known ones", () => {
    const config = { ...SD, beta_schedule: "cubic" };
    assertThrows(() => makeBetas(config), RangeError, '"squaredcos_cap_v2"');
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

describe("spaceTimesteps()", () => {
  for (const { config, steps, integer, float32, withoutLast } of reference.timesteps) {
    const { timestep_spacing, num_train_timesteps: trained, steps_offset } = config;
    it(`${timestep_spacing}: ${steps} of ${trained}, offset ${steps_offset}`, async () => {
      const bits = (values: number[]) => digest(Float32Array.from(values));
      assertEquals(await bits(spaceTimesteps(config, steps)), integer);
      assertEquals(await bits(spaceTimesteps(config, steps, { as: "float32" })), float32);
      assertEquals(await bits(spaceTimesteps(config, steps, { withoutLast: true })), withoutLast);
    });
  }

  it("leaves out timesteps of too high noise", () => {
    const { lambda, lambdas, used, cases } = reference.clipped;
    const { alphasCumprod } = makeNoiseSchedule({ ...SD, beta_schedule: "squaredcos_cap_v2" });
    decode(lambdas, "float32").reverse().forEach((wanted, t) => {
      // The square roots may be off by 6e-8 relative, the logarithms by 2.4e-7 at 4.
      assertAlmostEquals(lambdasOf(alphasCumprod)[t]!, wanted, 1e-6);
    });
    const usedTimesteps = countAboveLambda(alphasCumprod, lambda);
    assertEquals(usedTimesteps, used);
    assertEquals(countAboveLambda(alphasCumprod, -Infinity), 1000);
    for (const { spacing, timesteps } of cases) {
      const config = { num_train_timesteps: 1000, timestep_spacing: spacing };
      const found = spaceTimesteps(config, 17, { withoutLast: true, usedTimesteps });
      assertEquals(found, timesteps);
    }
  });

  it("refuses steps below 1 and unknown spacings", () => {
    const config = { num_train_timesteps: 1000, timestep_spacing: "middle" };
    assertThrows(() => spaceTimesteps(config, 0), RangeError, "Cannot plan 0 steps");
    assertThrows(() => spaceTimesteps(config, 5), RangeError, '"middle"');
    assertThrows(() => checkSteps(1001, 1000), RangeError, "an integer from 1 to 1000");
  });
});

describe("indexForTimestep()", () => {
  it("takes the second of equal timesteps", () => {
    assertEquals(indexForTimestep([981, 961, 961, 941], 961), 2);
    assertEquals(indexForTimestep([981, 961, 961, 941], 981), 0);
  });

  it("refuses a timestep that is not there", () => {
    assertThrows(() => indexForTimestep([3, 2, 1], 7), RangeError, "Timestep 7");
  });
});

describe("sigma schedules", () => {
  const logSigmas = logSigmasOf(makeNoiseSchedule(SD).sigmas);

  for (const { count, min, max, ...wanted } of reference.sigmas) {
    it(`give the reference's ${count} sigmas`, () => {
      // pow, exp and log of V8, numpy and glibc differ by units in the last place of float64.
      const allowed = 1e-13;
      const found = {
        karras: karrasSigmas(count, { min, max }),
        exponential: exponentialSigmas(count, { min, max }),
        beta: betaSigmas(count, { min, max }),
      };
      for (const name of ["karras", "exponential", "beta"] as const) {
        const expected = decode(wanted[name], "float64");
        assertClose(found[name], expected, allowed);
        assertEquals(toFloat32(found[name]), toFloat32(expected));
      }
      // Here the reference takes the logarithms in float32, with numpy's own log.
      assertClose(luSigmas(count, logSigmas), decode(wanted.lu, "float64"), 3e-7);
    });

    it(`sigmaToTimestep() gives the reference's ${count} timesteps`, () => {
      const karras = karrasSigmas(count, { min, max });
      const found = karras.map((sigma) => sigmaToTimestep(sigma, logSigmas));
      // A float32 logarithm is off by up to 1.2e-7, a timestep is 0.0018 and more of it.
      const allowed = 1e-4;
      decode(wanted.timesteps, "float64").forEach((t, i) => {
        assertAlmostEquals(found[i]!, t, allowed);
      });
      const single = toFloat32(karras).map((sigma) => sigmaToTimestep(sigma, logSigmas, "float32"));
      decode(wanted.timesteps32, "float64").forEach((t, i) => {
        assertAlmostEquals(single[i]!, t, 4 * allowed);
      });
    });
  }

  it("logSigmasOf() gives the reference's logarithms", () => {
    // The sigmas may be off by 1.2e-7 relative, numpy's float32 logarithm by a unit of its own.
    decode(reference.logSigmas, "float32").forEach((log, i) => {
      assertAlmostEquals(logSigmas[i]!, log, 2.4e-7 * Math.max(1, Math.abs(log)));
    });
  });

  it("sigmaToTimestep() inverts the trained sigmas", () => {
    const { sigmas } = makeNoiseSchedule(SD);
    for (const t of [0, 1, 500, 998, 999]) {
      assertAlmostEquals(sigmaToTimestep(sigmas[t]!, logSigmas), t, 1e-3); // float32 logarithms
    }
    assertEquals(sigmaToTimestep(1e9, logSigmas), 999);
    assertEquals(sigmaToTimestep(0, logSigmas), 0);
  });
});

describe("flow sigmas", () => {
  for (const { config, mu, terminal, sigmas } of reference.flow) {
    it(`give the reference's for ${JSON.stringify({ ...config, mu, terminal })}`, () => {
      const given = toFloat32(flowSigmas(12, 12));
      const shifted = config.use_dynamic_shifting
        ? timeShift(config.time_shift_type ?? "exponential", mu!, given)
        : shiftSigmas(given, config.shift!);
      const found = terminal === null ? shifted : stretchToTerminal(shifted, terminal);
      // The reference shifts in float32: a few roundings of 6e-8 each.
      assertClose([...found, 0], decode(sigmas, "float32"), 4e-7);
    });
  }

  it("timeShift() refuses an unknown type", () => {
    assertThrows(() => timeShift("cubic", 1, [0.5]), RangeError, '"cubic"');
  });

  it("dynamicShift() is linear between the two sizes", () => {
    assertAlmostEquals(dynamicShift(256), 0.5, 1e-15);
    assertAlmostEquals(dynamicShift(4096), 1.15, 1e-15);
    assertAlmostEquals(dynamicShift(1000, { base_shift: 1, max_shift: 1 }), 1, 1e-15);
  });
});
