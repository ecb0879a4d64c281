/**
 * Prompts are cut into tokens once a run, and what is cut off is warned of all the same.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { AnyPipeline } from "@denoise/loading";
import {
  DiffusionPipeline,
  StableDiffusionImg2ImgPipeline,
  StableDiffusionInpaintPipeline,
  Tensor,
} from "@denoise/denoise";
import type { PatchedImages, Tokenizer } from "@denoise/roles";
import { fixture } from "./support/golden.ts";

/** A tokenizer that notes which texts it is given. */
function counting(tokenizer: Tokenizer, seen: string[]): Tokenizer {
  return {
    className: tokenizer.className,
    library: tokenizer.library,
    modelMaxLength: tokenizer.modelMaxLength,
    encode(texts, options) {
      seen.push(...[texts].flat());
      return tokenizer.encode(texts, options);
    },
    batchDecode: (ids, options) => tokenizer.batchDecode(ids, options),
    savePretrained: (folder) => tokenizer.savePretrained(folder),
  };
}

const CALL = { negativePrompt: "a dog", numInferenceSteps: 2, height: 32, width: 32 };
const image = Tensor.full([1, 3, 32, 32], 0.5);

type WithTokenizer = AnyPipeline<object, { tokenizer: Tokenizer }>;

async function texts(
  pipe: WithTokenizer,
  options: object = CALL,
): Promise<string[]> {
  const seen: string[] = [];
  const own = pipe.tokenizer;
  pipe.tokenizer = counting(own, seen);
  await pipe(["a cat", "a hat"], { ...options, seed: 0, outputType: "latent" });
  pipe.tokenizer = own;
  return seen.sort();
}

describe("a run cuts each text into tokens once", () => {
  const expected = ["a cat", "a dog", "a dog", "a hat"]; // the negative prompt of each prompt
  it("text to image, image to image, inpainting", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));
    assertEquals(await texts(pipe), expected);
    const { height: _, width: __, ...call } = CALL;
    const changed = StableDiffusionImg2ImgPipeline.fromPipe(pipe);
    assertEquals(await texts(changed as unknown as WithTokenizer, { ...call, image }), expected);
    const inpaint = StableDiffusionInpaintPipeline.fromPipe(pipe);
    const maskImage = image.slice(1, 0, 1);
    assertEquals(
      await texts(inpaint as unknown as WithTokenizer, { ...CALL, image, maskImage }),
      expected,
    );
    await pipe.dispose();
  });

  it("Stable Diffusion XL, by either tokenizer", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    const second: string[] = [];
    pipe.tokenizer2 = counting(pipe.tokenizer2, second);
    assertEquals(await texts(pipe), expected);
    assertEquals(second.sort(), expected);
    await pipe.dispose();
  });
});

it("what does not fit is warned of once, and only that", async () => {
  const warnings: string[] = [];
  const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
    onWarning: (message) => warnings.push(message),
  });
  warnings.length = 0;
  const long = `${"cat ".repeat(200)}end`;
  await pipe(["a cat", long], { numInferenceSteps: 1, outputType: "latent", seed: 0 });
  const cut = warnings.filter((message) => message.includes("truncated"));
  assertEquals(cut.length, 1);
  const removed = JSON.parse(cut[0]!.slice(cut[0]!.indexOf("[")));
  assertEquals(removed.length, 1, "of the short prompt nothing is cut off");
  assertEquals(removed[0].endsWith("end") || removed[0].includes("end"), true);
  await pipe.dispose();
});

type Sighted = AnyPipeline<object, { textEncoder: object }>;

describe("a run has its images looked at once for all texts", () => {
  const call = { negativePrompt: "a dog", trueCfgScale: 2, numInferenceSteps: 2, image };
  const small = { ...call, height: 32, width: 32, outputType: "latent", seed: 0 };
  for (
    const [repo, more] of [
      ["tiny-qwen-image-edit", {}],
      ["tiny-qwen-image21", { outputResolution: 64 }],
    ] as const
  ) {
    it(repo, async () => {
      await using pipe = await DiffusionPipeline.fromPretrained(fixture(repo), {
        onWarning: () => {},
      }) as Sighted;
      const looks: boolean[] = [];
      pipe.textEncoder = new Proxy(pipe.textEncoder, {
        get(own, key) {
          const value = Reflect.get(own, key, own);
          if (typeof value !== "function") return value;
          if (key === "forCall") return undefined; // what a call runs is this itself
          return (...args: unknown[]) => {
            const [, , options] = args as [unknown, unknown, { images?: PatchedImages }?];
            if (key === "see") looks.push(true);
            if (key === "hiddenStates") looks.push(!("seen" in options!.images!));
            return value.apply(own, args);
          };
        },
      });
      await pipe("a cat", { ...small, ...more });
      assertEquals(looks, [true, false, false]);
    });
  }
});
