/**
 * What ERNIE-Image says of calls; its images are compared in tasks_test.ts.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { ErnieImagePipeline } from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

describe("ErnieImagePipeline", () => {
  it("refuses to rewrite prompts, and sizes that are no whole latents", async () => {
    await using pipe = await ErnieImagePipeline.fromPretrained(fixture("tiny-ernie-image"));
    const call = (more: object) =>
      pipe("a fox", { height: 16, width: 24, numInferenceSteps: 1, outputType: "latent", ...more });
    assertEquals((await call({ usePe: false })).tensor!.dims, [1, 32, 2, 3]);
    const error = await assertRejects(() => call({ usePe: true }), DenoiseError, "usePe is true");
    assertEquals(error.code, "unsupported_option");
    await assertRejects(() => call({ width: 20 }), RangeError, "divisible by 8");
  });
});
