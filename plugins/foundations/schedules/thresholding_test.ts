import { Generator, Tensor } from "@denoise/core";
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { clipDenoised, dynamicThreshold } from "./thresholding.ts";

const sample = new Generator(0).randn([2, 3, 4, 4]).mul(3);
const output = new Generator(1).randn([2, 3, 4, 4]);

describe("clipDenoised()", () => {
  it("thresholds before it clips, and does neither unless asked", () => {
    assert(clipDenoised(sample, {}) === sample);
    const clipped = clipDenoised(sample, { clip_sample: true, clip_sample_range: 0.5 });
    assert(clipped.equals(sample.clamp(-0.5, 0.5)));
    const both = clipDenoised(sample, { clip_sample: true, thresholding: true });
    assert(both.equals(dynamicThreshold(sample)));
  });
});

describe("dynamicThreshold()", () => {
  it("leaves images within -1..1 as they are", () => {
    const small = output.div(10);
    assert(dynamicThreshold(small).equals(small));
  });

  it("thresholds each image by its own values, float16 too", () => {
    const both = Tensor.cat([sample.slice(0, 0, 1), output.slice(0, 0, 1).div(10)]);
    const config = { dynamic_thresholding_ratio: 0.9, sample_max_value: 100 };
    const found = dynamicThreshold(both.astype("float16"), config);
    assertEquals(found.dtype, "float16");
    assertEquals(found.abs().max([1, 2, 3]).at(0), 1);
    assert(found.select(0, 1).equals(both.select(0, 1).astype("float16")));
  });
});
