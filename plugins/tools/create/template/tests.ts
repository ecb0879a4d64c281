import type { Names } from "../names.ts";

/** The tests: the conformance suite with the order that the method claims, and an exact end. */
export function testSource({ className }: Names): string {
  return `import { assertAlmostEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator } from "@denoise/core";
import { testScheduler } from "@denoise/testing";
import { ${className} } from "./mod.ts";

testScheduler(${className}, { convergence: { order: 1, steps: [20, 40, 80, 160] } });

describe("${className}", () => {
  it("step() ends at the sample that a model of one image knows", () => {
    const scheduler = new ${className}();
    scheduler.setTimesteps(10);
    let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]).mul(scheduler.initNoiseSigma);
    for (const [i, t] of scheduler.timesteps.entries()) {
      const noise = sample.sub(0.25).div(scheduler.sigmas![i]!); // all that is not 0.25
      sample = scheduler.step(noise, t, sample).prevSample;
    }
    assertAlmostEquals(sample.sub(0.25).abs().max().item(), 0, 1e-5); // roundings of float32
  });
});
`;
}
