/**
 * Text states of prompts that weigh their words against compel 2 and against A1111's rule, and images of them.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { StableDiffusionPipeline, StableDiffusionXLPipeline, Tensor } from "@denoise/denoise";
import { encodeText, encodeXlPrompts } from "@denoise/stable-diffusion";
import { fixture, type Golden, readGolden, relativeDifference } from "./support/golden.ts";
import { pixelDifference } from "./support/pipelines.ts";

interface Case {
  readonly repo: string;
  readonly syntax: "compel" | "a1111";
  readonly prompt: string;
  readonly negative: string;
  readonly clipSkip: number;
  readonly key: string;
}

const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("prompt_syntax");
const quiet = { onWarning: () => {} };
const sd = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), quiet);
const sd2 = await StableDiffusionPipeline.fromPretrained(
  fixture("tiny-stable-diffusion-2"),
  quiet,
);
const xl = await StableDiffusionXLPipeline.fromPretrained(
  fixture("tiny-stable-diffusion-xl"),
  quiet,
);
await sd.loadTextualInversion(new URL("./golden/textual_inversion/", import.meta.url).pathname, {
  weightName: "style.safetensors",
});
const warn = () => {};

/** States of both prompts by their names in the golden. */
async function states(one: Case): Promise<Record<string, Tensor | undefined>> {
  const { repo, prompt, negative: negativePrompt, syntax: promptSyntax, clipSkip } = one;
  if (repo === "tiny-stable-diffusion-xl") {
    const [negative, positive] = await encodeXlPrompts(xl.components, prompt, {
      negativePrompt,
      promptSyntax,
    }, { guidance: true, zeros: true, warn });
    return {
      embeds: positive.embeds,
      negative: negative!.embeds,
      pooled: positive.pooled,
      negativePooled: negative!.pooled,
    };
  }
  const { tokenizer, textEncoder } = (repo === "tiny-stable-diffusion" ? sd : sd2).components;
  const { promptEmbeds, negativePromptEmbeds } = await encodeText(
    { tokenizer, textEncoder, warn },
    prompt,
    true,
    { negativePrompt, promptSyntax, clipSkip: clipSkip || undefined },
  );
  return { embeds: promptEmbeds, negative: negativePromptEmbeds };
}

/**
 * What a rounding makes of A1111's "mean before / mean after": the mean of normalized states is near 0, so that an
 * error of 1e-7 of the largest state is that much more of it.
 */
function meanError(states: Tensor, encoders: number): number {
  const rows = states.chunk(encoders, 2).flatMap((side) => side.chunk(side.dims[1]! / 77, 1));
  const means = rows.map((row) => Math.abs(row.mean().item()) / row.abs().max().item());
  return 1e-7 / Math.min(...means);
}

describe("promptSyntax", () => {
  for (const one of golden.head.cases) {
    const { repo, syntax, prompt, clipSkip, key } = one;
    it(`gives ${syntax}'s states in ${repo}, clipSkip ${clipSkip}: ${JSON.stringify(prompt.slice(0, 40))}`, async () => {
      for (const [name, tensor] of Object.entries(await states(one))) {
        const difference = relativeDifference(tensor!, golden.tensors.get(`${key}.${name}`)!);
        const limit = name.endsWith("ooled") || syntax === "compel"
          ? 1e-5
          : 1e-5 + meanError(tensor!, repo.endsWith("xl") ? 2 : 1);
        assert(difference < limit, `${name} of ${key}`);
      }
    });
    const image = golden.tensors.get(`${key}.image`);
    if (image === undefined) continue;
    it(`draws what the reference draws: ${repo}, ${JSON.stringify(prompt.slice(0, 40))}`, async () => {
      const pipe = { "tiny-stable-diffusion": sd, "tiny-stable-diffusion-2": sd2 }[repo] ?? xl;
      const output = await pipe(prompt, {
        negativePrompt: one.negative,
        promptSyntax: syntax,
        numInferenceSteps: 3,
        seed: 5,
      });
      assert(pixelDifference(output, image.unsqueeze(0)) <= 1); // a rounding may fall on either side
      assertEquals(output.images[0]!.recipe!["promptSyntax"], syntax);
    });
  }

  it("changes nothing of a plain prompt", async () => {
    const options = { numInferenceSteps: 2, seed: 1 };
    const plain = await sd("a red apple", options);
    for (const promptSyntax of ["a1111", "compel"] as const) {
      const same = await sd("a red apple", { ...options, promptSyntax });
      assertEquals(same.images[0]!.data, plain.images[0]!.data);
    }
  });

  it("brings prompts of several lengths to one, and states beside a longer prompt not", async () => {
    const options = { numInferenceSteps: 1, seed: 1, promptSyntax: "a1111" as const };
    const long = "a red apple BREAK a blue house";
    const { images } = await sd(["a", long], { ...options, negativePrompt: "b" });
    const [alone] = (await sd(long, { ...options, seed: 2, negativePrompt: "b" })).images;
    assertEquals(images[1]!.data, alone!.data);
    const negativePromptEmbeds = Tensor.zeros([1, 77, 16]);
    await assertRejects(
      () => sd(long, { ...options, negativePromptEmbeds }),
      RangeError,
      "Cannot pair states of 77 tokens with a prompt of 154",
    );
  });

  it("refuses what changes from step to step, and what cannot be read", async () => {
    const refused = [
      ["a1111", "a [cat:dog:0.5]", "[cat:dog:0.5] changes the words from step to step"],
      ["a1111", "a [cat|dog]", "[cat|dog] changes the words"],
      ["a1111", "a cat AND a dog", '"AND" asks for one denoising of each part'],
      ["a1111", "a cat <lora:x:1>", "<lora:x:1> loads a network"],
      ["a1111", "a (cat:1.2.3)", 'the weight "1.2.3" is no number'],
      ["compel", "a cat.swap(dog)", ".swap() is not there"],
      ["compel", "a cat withLora(x, 0.5)", "withLora(x) is not there"],
      ["compel", '("a", "b").and() c', 'does not allow "c" there'],
      ["compel", '("a", "b").blend(1)', "2 prompts, but 1 weights"],
    ] as const;
    for (const [promptSyntax, prompt, message] of refused) {
      await assertRejects(() => sd(prompt, { promptSyntax }), SyntaxError, message);
    }
    const known = 'promptSyntax "sd": it must be "compel" or "a1111"';
    const wrong = { promptSyntax: "sd" as "compel" };
    await assertRejects(() => sd("a", wrong), RangeError, known);
  });

  it("reads brackets within brackets in a time that grows with the text", async () => {
    const prompt = "(".repeat(300) + "cat" + ")1.01".repeat(300);
    await sd(prompt, { promptSyntax: "compel", numInferenceSteps: 1 });
    await assertRejects(
      () =>
        sd("(".repeat(2_000), {
          promptSyntax: "compel",
          negativePrompt: '("',
          numInferenceSteps: 1,
          clipSkip: 99,
        }),
      RangeError,
    );
  });
});
