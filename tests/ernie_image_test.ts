/**
 * What ERNIE-Image says of calls, and its language model of configs; images are compared in tasks_test.ts.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { ErnieImagePipeline, Mistral3ForConditionalGeneration } from "@denoise/denoise";
import { writeTree } from "./support/files.ts";
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

describe("Mistral3ForConditionalGeneration", () => {
  const folder = fixture("models/Mistral3ForConditionalGeneration/ministral");
  const loaded = async (rope: object | undefined) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    config.text_config.rope_parameters = rope;
    await using own = await writeTree({ "config.json": JSON.stringify(config) });
    await Deno.symlink(`${folder}/model.safetensors`, `${own.path}/model.safetensors`);
    await using model = await Mistral3ForConditionalGeneration.fromPretrained(own.path);
    return model.config;
  };

  it("has the stretched positions of Ministral 3 where its config does not say them", async () => {
    const { rope_parameters: rope, hidden_size } = await loaded(undefined);
    assertEquals([rope?.rope_type, rope?.factor, rope?.rope_theta], ["yarn", 16, 1e6]);
    assertEquals(hidden_size, 16); // the config's own
  });

  it("refuses stretched positions that lack what they need, and other kinds", async () => {
    const rope = { rope_type: "yarn", factor: 4 };
    await assertRejects(() => loaded(rope), RangeError, "original_max_position_embeddings");
    await assertRejects(() => loaded({ rope_type: "longrope" }), DenoiseError, "longrope");
  });
});
