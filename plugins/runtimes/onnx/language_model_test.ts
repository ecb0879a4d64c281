import { describe, it } from "@std/testing/bdd";
import { assertThrows } from "@std/assert";
import { adoptConfig, boolean, DenoiseError, type JsonObject, maybe } from "@denoise/core";
import {
  checkLanguageModel,
  checkSlidingLanguageModel,
  languageModelOptions,
} from "./language_model.ts";

const schema = { ...languageModelOptions, use_bidirectional_attention: maybe(boolean) };
const configOf = (options: JsonObject) => adoptConfig("M", schema, options);

describe("checkLanguageModel()", () => {
  it("refuses stretched positions that lack what they need, and kinds a class does not have", () => {
    const check = (rope_scaling: JsonObject) =>
      checkLanguageModel("M", configOf({ rope_scaling }), ["linear", "yarn"]);
    check({ rope_type: "linear", factor: 8 });
    check({ type: "yarn", factor: 8, original_max_position_embeddings: 64 });
    for (const factor of [undefined, 0, -1]) {
      const rope = { rope_type: "linear", ...(factor === undefined ? {} : { factor }) };
      assertThrows(() => check(rope), RangeError, `"linear" need factor, above 0`);
    }
    assertThrows(
      () => check({ rope_type: "yarn", factor: 8 }),
      RangeError,
      `"yarn" need factor and original_max_position_embeddings, both above 0`,
    );
    assertThrows(() => check({ rope_type: "longrope" }), DenoiseError, "longrope");
  });
});

describe("checkSlidingLanguageModel()", () => {
  const check = (options: JsonObject) =>
    checkSlidingLanguageModel("M", configOf({ num_hidden_layers: 2, ...options }));

  it("takes a type for each layer, or none", () => {
    check({});
    check({ layer_types: ["sliding_attention", "full_attention"] });
    assertThrows(
      () => check({ layer_types: ["full_attention"] }),
      RangeError,
      "layer_types names 1 layers, which must be as many as num_hidden_layers, 2",
    );
    const chunked = ["full_attention", "chunked_attention"];
    assertThrows(() => check({ layer_types: chunked }), DenoiseError, "layer_types");
  });

  it("refuses attention in both directions", () => {
    check({ use_bidirectional_attention: false });
    assertThrows(
      () => check({ use_bidirectional_attention: true }),
      DenoiseError,
      "use_bidirectional_attention",
    );
  });
});
