import { describe, it } from "@std/testing/bdd";
import { assertAlmostEquals, assertThrows } from "@std/assert";
import { toFloat32 } from "./math.ts";
import { dynamicShift, flowSigmas, shiftSigmas, stretchToTerminal, timeShift } from "./flow.ts";
import { assertClose, decode, goldens } from "../../../tests/support/numbers.ts";

interface Golden {
  flow: {
    config: { shift?: number; use_dynamic_shifting?: boolean; time_shift_type?: string };
    mu: number | null;
    terminal: number | null;
    sigmas: string;
  }[];
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/schedules.json"));

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

  it("stretchToTerminal() refuses a run of one step, which is NaN in the reference", () => {
    assertThrows(() => stretchToTerminal([1], 0.02), RangeError, "take more steps (2 or more)");
    assertThrows(() => stretchToTerminal([1, 1], 0.02), RangeError, "Cannot plan 2 steps");
    assertClose(stretchToTerminal([0.9], 0.02), [0.02], 1e-12);
  });

  it("timeShift() refuses an unknown type", () => {
    assertThrows(() => timeShift("cubic", 1, [0.5]), RangeError, '"cubic"');
  });

  it("dynamicShift() is linear between the two sizes", () => {
    assertAlmostEquals(dynamicShift(256), 0.5, 1e-15);
    assertAlmostEquals(dynamicShift(4096), 1.15, 1e-15);
    assertAlmostEquals(dynamicShift(1000, { base_shift: 1, max_shift: 1 }), 1, 1e-15);
  });
});
