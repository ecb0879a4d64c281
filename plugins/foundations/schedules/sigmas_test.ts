import { describe, it } from "@std/testing/bdd";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { toFloat32 } from "./math.ts";
import { makeNoiseSchedule } from "./alphas.ts";
import {
  betaSigmas,
  exponentialSigmas,
  karrasSigmas,
  logSigmasOf,
  luSigmas,
  sigmaToTimestep,
} from "./sigmas.ts";
import { assertClose, decode, goldens } from "../../../tests/support/numbers.ts";
import { SD } from "./testdata/stable_diffusion.ts";

interface Golden {
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
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/schedules.json"));

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
