/**
 * What Qwen-Image 2.1 says of calls; its images are compared in tasks_test.ts.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import { DenoiseImage, Qwen3VLProcessor, QwenImage21Pipeline } from "@denoise/denoise";
import { imageCodec } from "@denoise/image";
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
      "The image is made 64x32 in place of 70x63: width and height are brought to what the model takes",
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

  it("takes images of any mode, as files, tensors and images, and gives the last one's shape", async () => {
    await using pipe = await QwenImage21Pipeline.fromPretrained(fixture("tiny-qwen-image21"));
    const made = async (image: object, more: object = {}) => {
      const call = { numInferenceSteps: 2, outputType: "latent", outputResolution: 64 } as const;
      const { tensor } = await pipe("a fox", { ...call, image: image as never, seed: 1, ...more });
      return tensor!;
    };
    const red = new DenoiseImage(40, 90, 3, new Uint8Array(10_800).map((_, i) => i % 251));
    const one = await made(red);
    assertEquals(one.dims.slice(2), [6, 2]); // 90x40 as 96x32
    assertEquals((await made([red, red], { width: 64 })).dims.slice(2), [6, 4]);
    const tensor = await imageCodec.toTensor(red);
    for (const same of [[red], await red.encode("png"), tensor, tensor.squeeze(0)]) {
      assertEquals((await made(same)).data, one.data);
    }
    // without what is kept between steps it is computed in each
    assertEquals((await made(red, { useKvCache: false })).data, one.data);
    const grey = new DenoiseImage(40, 90, 1, new Uint8Array(3_600).fill(200));
    const clear = new DenoiseImage(40, 90, 4, new Uint8Array(14_400));
    assertEquals(
      new Set([one, await made(grey), await made(clear)].map(({ data }) => `${data}`)).size,
      3,
    );
  });

  it("refuses images and prompts that it cannot read, by name", async () => {
    await using pipe = await QwenImage21Pipeline.fromPretrained(fixture("tiny-qwen-image21"));
    const image = new DenoiseImage(40, 90, 3, new Uint8Array(10_800));
    const call = { numInferenceSteps: 2, outputResolution: 64, image };
    const refuses = async (more: object, prompt: string | undefined, words: string) => {
      const error = await assertRejects(() => pipe(prompt, { ...call, ...more }), Error);
      assertStringIncludes(error.message, words);
    };
    await refuses({ image: [] }, "a fox", "the list is empty");
    await refuses({ image: "no file" }, "a fox", "no file");
    await refuses({ image: 3 }, "a fox", "image");
    await refuses({ outputResolution: 20 }, "a fox", "0x"); // 90x40 leaves nothing of the shorter side
    await refuses({ outputResolution: 1200 }, "a fox", "another outputResolution");
    const states = { promptEmbeds: Tensor.zeros([1, 3, 16]) };
    await refuses(states, undefined, "Cannot use promptEmbeds beside image");
    const negative = { negativePromptEmbeds: Tensor.zeros([1, 3, 16]), trueCfgScale: 2 };
    await refuses(negative, "a fox", "Cannot use negativePromptEmbeds beside image");
    await refuses({}, "a <|image_pad|> fox", 'Cannot encode a prompt with "<|image_pad|>"');
    await refuses({ image: undefined }, "a <|image_pad|> fox", "given as the option image");
  });

  it("says which file is missing where its processor does not know of images", async () => {
    const own = fixture("tiny-qwen-image21");
    const files = await Promise.all(
      ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"].map(async (name) =>
        [`${name}`, await Deno.readTextFile(`${own}/processor/${name}`)] as const
      ),
    );
    await using folder = await writeTree(Object.fromEntries(files));
    const processor = await Qwen3VLProcessor.fromPretrained(folder.path);
    await using pipe = await QwenImage21Pipeline.fromPretrained(own, { processor });
    await pipe("a fox", CALL); // texts are read
    const image = new DenoiseImage(64, 64, 3, new Uint8Array(12_288));
    const error = await assertRejects(() => pipe("a fox", { ...CALL, image }), DenoiseError);
    assertEquals(error.code, "missing_file");
    assertStringIncludes(error.message, "preprocessor_config.json");
  });

  it("names its processor where it lacks it", async () => {
    await using pipe = await QwenImage21Pipeline.fromPretrained(fixture("tiny-qwen-image21"), {
      processor: null,
    });
    await assertRejects(() => pipe("a fox", CALL), DenoiseError, "text_encoder or processor");
  });
});
