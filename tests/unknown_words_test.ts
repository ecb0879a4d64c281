/**
 * A small model says which words of a prompt it was not taught.
 *
 * @module
 */
import { CLIPTokenizer, StableDiffusionPipeline } from "@denoise/denoise";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

describe("unknownWords", () => {
  it("is there where tokenizer_config.json lists what was taught, and nothing is said of other models", async () => {
    const folder = await Deno.makeTempDir();
    const plain = CLIPTokenizer.fromVocabulary({
      "a</w>": 0,
      "<|startoftext|>": 1,
      "<|endoftext|>": 2,
    }, []);
    assertEquals(plain.unknownWords, undefined);
    await plain.savePretrained(folder);
    const file = `${folder}/tokenizer_config.json`;
    const config = JSON.parse(await Deno.readTextFile(file));
    const near = { cat: "lynx, maine coon", painting: "mona lisa, portrait" };
    const taught = { model: "me/small", words: "cat red apples", otherwise: "question mark", near };
    await Deno.writeTextFile(file, JSON.stringify({ ...config, taught }));
    const { unknownWords } = await CLIPTokenizer.fromPretrained(folder);
    assertEquals(unknownWords!("Red cats, an apple"), { model: "me/small", words: ["an"] });
    assertEquals(unknownWords!("red cat"), undefined);
    assertEquals(unknownWords!("the Mona Lisa!"), {
      model: "me/small",
      words: ["the", "mona", "lisa"],
      draws: "question mark",
      near: ["painting"],
    });
    assertEquals(unknownWords!("red lynxes, aples and zzzz"), {
      model: "me/small",
      words: ["lynxes", "aples", "and", "zzzz"],
      near: ["cat", "apples"],
    });
    await Deno.remove(folder, { recursive: true });
  });
});

describe("denoise/emoji", () => {
  it("says what it does not know", async () => {
    const said: string[] = [];
    const pipeline = await StableDiffusionPipeline.fromPretrained("denoise/emoji", {
      onWarning: (message) => said.push(message),
    });
    for (const prompt of ["a mona lisa", "piñata on a blue background", "a cubist cat"]) {
      await pipeline(prompt, { seed: 1, numInferenceSteps: 1 });
    }
    assertEquals(said, [
      "denoise/emoji does not know: mona lisa; it draws: red question mark; the nearest that it knows: framed picture",
      "denoise/emoji does not know: cubist; it draws the rest; the nearest that it knows: artist",
    ]);
  });
});
