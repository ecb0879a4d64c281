import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertThrows } from "@std/assert";
import { linspace } from "./math.ts";
import {
  checkSteps,
  indexForTimestep,
  spaceTimesteps,
  type SpacingConfig,
  type TimestepSpacing,
} from "./timesteps.ts";
import { digest, goldens } from "../../../tests/support/numbers.ts";

interface Golden {
  timesteps: {
    config: SpacingConfig;
    steps: number;
    integer: string;
    float32: string;
    withoutLast: string;
  }[];
  clipped: {
    used: number;
    cases: { spacing: TimestepSpacing; timesteps: number[] }[];
  };
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/schedules.json"));

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

  it("keeps the fractions of linspace in float64 where asked", () => {
    const config = { num_train_timesteps: 1000, timestep_spacing: "linspace" } as const;
    const found = spaceTimesteps(config, 8, { as: "float64" });
    assertEquals(found, linspace(0, 999, 8).reverse());
  });

  it("leaves out timesteps of too high noise", () => {
    const { used: usedTimesteps, cases } = reference.clipped;
    for (const { spacing, timesteps } of cases) {
      const config = { num_train_timesteps: 1000, timestep_spacing: spacing };
      const found = spaceTimesteps(config, 17, { withoutLast: true, usedTimesteps });
      assertEquals(found, timesteps);
    }
  });

  it("refuses steps below 1 and unknown spacings", () => {
    const unknown: object = { num_train_timesteps: 1000, timestep_spacing: "middle" };
    const config = unknown as SpacingConfig;
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
