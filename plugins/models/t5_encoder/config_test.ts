import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { adoptConfig, DenoiseError } from "@denoise/core";
import { check, feedForward, schema } from "./config.ts";

describe("feedForward()", () => {
  it("reads what transformers reads", () => {
    assertEquals(feedForward("relu"), { gated: false, activation: "relu" });
    assertEquals(feedForward("gated-gelu"), { gated: true, activation: "gelu_new" });
    assertEquals(feedForward("gated-silu"), { gated: true, activation: "silu" });
    assertEquals(feedForward("gelu"), { gated: false, activation: "gelu" });
  });

  it("refuses what it does not know, naming what there is", () => {
    for (const proj of ["gated-swoosh", "other-relu", "gated-silu-relu", ""]) {
      const error = assertThrows(() => feedForward(proj), DenoiseError, "gated-gelu");
      assertEquals(error.code, "unsupported_option");
    }
  });
});

describe("check()", () => {
  const config = adoptConfig("T5EncoderModel", schema, {});

  it("refuses decoders, and distances that no class is left for", () => {
    check(config);
    assertThrows(() => check({ ...config, is_decoder: true }), DenoiseError, "is_decoder");
    const few = { ...config, relative_attention_num_buckets: 3 };
    assertThrows(() => check(few), RangeError, "4 buckets at least");
    const near = { ...config, relative_attention_max_distance: 8 };
    assertThrows(() => check(near), RangeError, "above a quarter");
  });
});
