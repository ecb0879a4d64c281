/**
 * What Qwen-Image 2.1 says of calls; its images are compared in tasks_test.ts.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { QwenImage21Pipeline } from "@denoise/denoise";
import { writeTree } from "./support/files.ts";
import { fixture } from "./support/golden.ts";

const CALL = { height: 32, width: 32, numInferenceSteps: 2, outputType: "latent" } as const;

describe("QwenImage21Pipeline", () => {
  it("warns of half of a guidance and of sides that it cuts", async () => {
    const warnings: string[] = [];
    await using pipe = await QwenImage21Pipeline.fromPretrained(fixture("tiny-qwen-image21"), {
      onWarning: (text) => void warnings.push(text),
    });
    const heard = async (more: object) => {
      warnings.length = 0;
      const { tensor } = await pipe("a fox", { ...CALL, ...more });
      return [tensor!.dims.slice(2), ...warnings];
    };
    assertEquals(await heard({}), [[2, 2]]);
    assertEquals(await heard({ trueCfgScale: 2, negativePrompt: "" }), [[2, 2]]);
    assertEquals(await heard({ trueCfgScale: 2 }), [
      [2, 2],
      "trueCfgScale is 2, but there is no negativePrompt: nothing is guided",
    ]);
    assertEquals(await heard({ negativePrompt: "blurry" }), [
      [2, 2],
      "There is a negativePrompt, but trueCfgScale is 1, not above 1: nothing is guided",
    ]);
    assertEquals(await heard({ height: 63, width: 70 }), [
      [2, 4],
      "The image is made 64x32 in place of 70x63: width and height are cut to whole tokens",
    ]);
    await assertRejects(() => heard({ width: 31 }), RangeError, "divisible by 32");
  });

  it("is saved with its processor, as diffusers reads it", async () => {
    const own = fixture("tiny-qwen-image21");
    await using pipe = await QwenImage21Pipeline.fromPretrained(own);
    await using saved = await writeTree({});
    await pipe.savePretrained(saved.path);
    const read = async (folder: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
    assertEquals((await read(saved.path)).processor, (await read(own)).processor);
    const files = (folder: string) =>
      [...Deno.readDirSync(`${folder}/processor`)].map(({ name }) => name).sort();
    assertEquals(files(saved.path), files(own));
  });

  it("names its processor where it lacks it", async () => {
    await using pipe = await QwenImage21Pipeline.fromPretrained(fixture("tiny-qwen-image21"), {
      processor: null,
    });
    await assertRejects(() => pipe("a fox", CALL), DenoiseError, "text_encoder or processor");
  });
});
