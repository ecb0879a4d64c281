/**
 * Images of prompts with learned words against diffusers, and what is said to bad ones.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  DDPMPipeline,
  DenoiseError,
  randn,
  StableDiffusionPipeline,
  StableDiffusionXLPipeline,
  Tensor,
} from "@denoise/denoise";
import { fixture, type Golden, parseTensors, readGolden } from "./support/golden.ts";
import { pixelDifference } from "./support/pipelines.ts";

interface Case {
  readonly prompt: string;
  readonly negative: string;
  readonly ids: readonly number[];
  readonly image: string;
}

const FOLDER = new URL("./golden/textual_inversion/", import.meta.url).pathname;
const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden(
  "textual_inversion/images",
);
const pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
  onWarning: () => {},
});

async function difference({ prompt, negative, image }: Case): Promise<number> {
  const output = await pipe(prompt, { negativePrompt: negative, numInferenceSteps: 3, seed: 5 });
  return pixelDifference(output, golden.tensors.get(image)!.unsqueeze(0));
}

describe("loadTextualInversion()", () => {
  const plain = golden.head.cases[0]!;
  beforeAll(async () => {
    assertEquals(await pipe.loadTextualInversion(FOLDER), ["<cat-toy>"]);
    assertEquals(
      await pipe.loadTextualInversion(FOLDER, { weightName: "style.safetensors" }),
      ["<style>"],
    );
    await pipe.loadTextualInversion(`${FOLDER}a1111.safetensors`, { token: "glow" });
  });
  afterAll(() => pipe.dispose());

  for (const one of golden.head.cases) {
    it(`gives the image of ${JSON.stringify(one.prompt.slice(0, 40))} without "${one.negative}"`, async () => {
      const { inputIds } = pipe.tokenizer.encode(one.prompt);
      assertEquals(Array.from(inputIds.data, Number), [...one.ids]);
      assert(await difference(one) <= 1); // a rounding may fall on either side
    });
  }

  it("takes lists, a word for each row of a tensor, and what A1111's files hold", async () => {
    const [cat, style, glow] = ["learned_embeds", "style", "a1111"].map((name) =>
      `${FOLDER}${name}.safetensors`
    ) as [string, string, string];
    const again = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
      onWarning: () => {},
    });
    const files = [cat, style, glow];
    const words = ["<cat-toy>", "<style>", "glow"];
    assertEquals(await again.loadTextualInversion(files, { token: words }), words);
    const one = golden.head.cases[6]!;
    const draw = async () => {
      const output = await again(one.prompt, {
        negativePrompt: one.negative,
        numInferenceSteps: 3,
        seed: 5,
      });
      return pixelDifference(output, golden.tensors.get(one.image)!.unsqueeze(0));
    };
    assert(await draw() <= 1);
    await again.unloadTextualInversion("glow");
    const vectors = parseTensors(await Deno.readFile(glow)).get("emb_params")!;
    const held = { name: "glow", string_to_param: { "*": vectors } };
    assertEquals(await again.loadTextualInversion(held), ["glow"]);
    assert(await draw() <= 1);
    const rows = ["<first>", "<second>"];
    assertEquals(await again.loadTextualInversion(vectors, { token: rows }), rows);
    const ids = Array.from(again.tokenizer.encode("<first> <second>").inputIds.data, Number);
    assertEquals(ids.length, 4);
    await assertRejects(
      () => again.loadTextualInversion([cat, style], { token: ["<a>"] }),
      TypeError,
      "Cannot pair 2 textual inversions with 1 words",
    );
    await assertRejects(
      () => again.loadTextualInversion([cat, style], { token: "<a>" }),
      TypeError,
      "Cannot give 2 textual inversions one word",
    );
    await assertRejects(
      () => again.loadTextualInversion([vectors, vectors], { token: ["<a>", "<a>"] }),
      RangeError,
      'knows "<a>" already',
    );
    assertEquals(
      again.tokenizer.encode("<a>").inputIds.dims[1]! > 3,
      true,
      "nothing is changed then",
    );
    await again.dispose();
  });

  it("has the same words of the files of torch, and the names that these give them", async () => {
    const one = golden.head.cases[6]!;
    const again = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
      onWarning: () => {},
    });
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await Deno.copyFile(`${FOLDER}learned_embeds.bin`, `${folder}/learned_embeds.bin`);
    // as in diffusers: the .bin file of that name where there is no .safetensors one
    assertEquals(await again.loadTextualInversion(folder), ["<cat-toy>"]);
    const files = ["style.bin", "a1111.pt"].map((name) => `${FOLDER}${name}`);
    assertEquals(await again.loadTextualInversion(files), ["<style>", "glow"]);
    const call = { negativePrompt: one.negative, numInferenceSteps: 3, seed: 5 };
    const output = await again(one.prompt, call);
    assert(pixelDifference(output, golden.tensors.get(one.image)!.unsqueeze(0)) <= 1);
    await again.dispose();
    await Deno.remove(folder, { recursive: true });
  });

  it("refuses a word that is known", async () => {
    await assertRejects(() => pipe.loadTextualInversion(FOLDER), RangeError, 'knows "<cat-toy>"');
    const vectors = randn([1, 16]);
    for (const token of ["<style>_1", "a</w>"]) {
      await assertRejects(() => pipe.loadTextualInversion(vectors, { token }), RangeError, token);
    }
  });

  it("refuses vectors of another width, and changes nothing then", async () => {
    await assertRejects(
      () => pipe.loadTextualInversion(randn([2, 24]), { token: "<wide>" }),
      RangeError,
      "its vectors have 24 numbers, but textEncoder takes 16",
    );
    assertEquals(pipe.tokenizer.encode("<wide>").inputIds.dims[1]! > 3, true);
    assert(await difference(plain) <= 1);
  });

  it("refuses what is no textual inversion", async () => {
    const two = { a: randn([16]), b: randn([16]) };
    await assertRejects(() => pipe.loadTextualInversion(two), DenoiseError, "it holds a, b");
    await assertRejects(() => pipe.loadTextualInversion({}), DenoiseError, "it holds nothing");
    await assertRejects(
      () => pipe.loadTextualInversion(randn([16])),
      TypeError,
      "give it as token",
    );
    const cube = Tensor.zeros([1, 1, 16]);
    await assertRejects(
      () => pipe.loadTextualInversion(cube, { token: "<x>" }),
      TypeError,
      "[1, 1, 16]",
    );
    const missing = await assertRejects(
      () => pipe.loadTextualInversion("./learned_embeds.bin"),
      DenoiseError,
    );
    assertEquals(missing.code, "missing_file");
    const ddpm = await DDPMPipeline.fromPretrained(fixture("tiny-ddpm"));
    const lacking = await assertRejects(
      () => ddpm.loadTextualInversion(randn([16]), { token: "<x>" }),
      DenoiseError,
    );
    assertEquals(lacking.code, "missing_component");
    await assertRejects(
      () =>
        pipe.loadTextualInversion({ clip_l: randn([16]), clip_g: randn([16]) }, { token: "<x>" }),
      DenoiseError,
      "no textEncoder2",
    );
    assertEquals(pipe.tokenizer.encode("<x>").inputIds.dims[1]! > 3, true);
  });

  it("is saved without its words", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await pipe.savePretrained(folder);
    const again = await StableDiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    const output = await again(plain.prompt, { numInferenceSteps: 3, seed: 5 });
    assert(pixelDifference(output, golden.tensors.get(plain.image)!.unsqueeze(0)) <= 1);
    await again.dispose();
    await Deno.remove(folder, { recursive: true });
  });
});

describe("unloadTextualInversion()", () => {
  it("takes one word away, or all", async () => {
    await pipe.unloadTextualInversion("<style>");
    await assertRejects(
      () => pipe.unloadTextualInversion("<style>"),
      RangeError,
      "there are <cat-toy>, glow",
    );
    assert(await difference(golden.head.cases[2]!) <= 1, "the others stay");
    await pipe.unloadTextualInversion();
    assert(await difference(golden.head.cases[0]!) <= 1);
    assert(pipe.tokenizer.encode("<cat-toy>").inputIds.dims[1]! > 3);
    await pipe.loadTextualInversion(FOLDER);
    assert(await difference(golden.head.cases[2]!) <= 1);
    await pipe.unloadTextualInversion();
    await pipe.dispose();
  });
});

describe("loadTextualInversion() on Stable Diffusion XL", () => {
  for (const name of ["xl.safetensors", "xl.pt"]) {
    it(`puts the word of ${name} into both text encoders`, async () => {
      const xl = await StableDiffusionXLPipeline.fromPretrained(
        fixture("tiny-stable-diffusion-xl"),
      );
      await xl.loadTextualInversion(`${FOLDER}${name}`, { token: "<xl>" });
      const call = { negativePrompt: "blurry <xl>", numInferenceSteps: 3, seed: 5 };
      const output = await xl("a <xl> on a table", call);
      assert(pixelDifference(output, golden.tensors.get("xl")!.unsqueeze(0)) <= 1);
      await xl.unloadTextualInversion("<xl>");
      assert(pixelDifference(await xl("a <xl>", call), golden.tensors.get("xl")!.unsqueeze(0)) > 1);
      await xl.dispose();
    });
  }
});
