import { Generator, Tensor } from "@denoise/core";
import { describe, it } from "@std/testing/bdd";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { decode, goldens } from "../../../tests/support/numbers.ts";
import { alphaSigma } from "./alphas.ts";
import { combineBatch, denoisedAtSigma, perSample, toDenoised, toNoise } from "./conversions.ts";
import { type ClipConfig, clipDenoised } from "./thresholding.ts";

interface Golden {
  cases: {
    kind: "variance" | "sigma" | "dpmsolver" | "dpmsolver++";
    prediction: string;
    clip?: ClipConfig;
    alphaCumprod?: number;
    sigma?: number;
    denoised: string;
  }[];
  addNoise: string;
  velocity: string;
  alphasCumprod: number[];
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/conversions.json"));
const generator = new Generator(0);
const sample = generator.randn([2, 3, 4, 4]).mul(3);
const output = generator.randn([2, 3, 4, 4]);
const f = Math.fround;

function convert({ kind, prediction, clip, alphaCumprod, sigma }: Golden["cases"][number]): Tensor {
  switch (kind) {
    case "variance": {
      const level = {
        alpha: f(Math.sqrt(alphaCumprod!)),
        sigma: f(Math.sqrt(f(1 - alphaCumprod!))),
      };
      return clipDenoised(toDenoised(prediction, sample, output, level), clip!);
    }
    case "sigma":
      return denoisedAtSigma(prediction, sample, output, sigma!);
    case "dpmsolver++":
      return toDenoised(
        prediction,
        sample,
        output,
        alphaSigma(sigma!, prediction === "flow_prediction"),
      );
    case "dpmsolver":
      return toNoise(prediction, sample, output, alphaSigma(sigma!));
  }
}

describe("conversions", () => {
  for (const test of reference.cases) {
    const clip = Object.keys(test.clip ?? {})[0] ?? "no clipping";
    it(`gives the reference's bits: ${test.kind}, ${test.prediction}, ${clip}`, () => {
      assertEquals([...convert(test).data], decode(test.denoised, "float32"));
    });
  }

  it("toDenoised() and toNoise() agree with x = α·x0 + σ·ε for every prediction", () => {
    for (const flow of [false, true]) {
      const level = alphaSigma(0.7, flow);
      const x = output.mul(level.alpha).add(sample.mul(level.sigma));
      const predictions: Record<string, Tensor> = flow ? { flow_prediction: sample.sub(output) } : {
        epsilon: sample,
        sample: output,
        v_prediction: sample.mul(level.alpha).sub(output.mul(level.sigma)),
      };
      for (const [prediction, given] of Object.entries(predictions)) {
        // Values up to 10, a few float32 roundings of 6e-8 relative, divided by 0.57 at least.
        assertAlmostEqual(toDenoised(prediction, x, given, level), output, 5e-6);
        assertAlmostEqual(toNoise(prediction, x, given, level), sample, 5e-6);
      }
    }
  });

  it("refuse an unknown prediction type", () => {
    const level = { alpha: 1, sigma: 1 };
    assertThrows(() => toDenoised("x", sample, output, level), RangeError, '"x"');
    assertThrows(() => toNoise("x", sample, output, level), RangeError, '"v_prediction"');
    assertThrows(() => denoisedAtSigma("x", sample, output, 1), RangeError, '"epsilon"');
  });
});

describe("combineBatch()", () => {
  const signal = reference.alphasCumprod.map((bar) => f(Math.sqrt(bar)));
  const noise = reference.alphasCumprod.map((bar) => f(Math.sqrt(f(1 - bar))));

  it("adds noise as the reference", () => {
    const wanted = Tensor.from(Float32Array.from(decode(reference.addNoise, "float32")));
    // Values up to 10; torch's square roots are off by one float32 step, 6e-8 relative.
    assertAlmostEqual(combineBatch(signal, sample, noise, output).reshape([-1]), wanted, 2e-6);
  });

  it("gives velocities as the reference", () => {
    const found = combineBatch(signal, output, noise.map((x) => -x), sample);
    const wanted = Tensor.from(Float32Array.from(decode(reference.velocity, "float32")));
    assertAlmostEqual(found.reshape([-1]), wanted, 2e-6);
  });

  it("takes one number for all samples", () => {
    assertEquals(perSample([2], sample).dims, [1, 1, 1, 1]);
    assertThrows(() => perSample([1, 2, 3], sample), TypeError, "3 numbers with a batch of 2");
  });
});

function assertAlmostEqual(a: Tensor, b: Tensor, tolerance: number): void {
  assertAlmostEquals(a.sub(b).abs().max().item(), 0, tolerance);
}
