/**
 * FLUX.1 Redux against diffusers (scripts/reference/redux_goldens.py), and FLUX.1 with what it gives.
 *
 * @module
 */
import { afterAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiffusionPipeline, FluxPipeline, FluxPriorReduxPipeline, Tensor } from "@denoise/denoise";
import {
  assertWithin,
  camelCase,
  fixture,
  type Golden,
  readGolden,
  relativeDifference,
} from "./support/golden.ts";
import { type Task, type TaskValue, taskValue } from "./support/tasks.ts";

interface Case {
  readonly name: string;
  readonly call: Readonly<Record<string, TaskValue>>;
  readonly prompt_embeds: string;
  readonly pooled_prompt_embeds: string;
}

const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("flux_redux");
const flux = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
const { textEncoder, tokenizer, textEncoder2, tokenizer2 } = flux;
const texts = { textEncoder, tokenizer, textEncoder2, tokenizer2 };

describe("FluxPriorReduxPipeline", () => {
  afterAll(() => flux.dispose());

  it("gives the embeddings of diffusers", async () => {
    const pipe = await FluxPriorReduxPipeline.fromPretrained(fixture("tiny-flux-redux"), texts);
    for (const { name, call, ...wanted } of golden.head.cases) {
      const tensors = golden.tensors as Golden<Task>["tensors"];
      const { prompt, ...options } = Object.fromEntries(
        Object.entries(call).map(([key, value]) => [camelCase(key), taskValue(value, tensors)]),
      ) as { prompt: string; image: Tensor };
      const output = await pipe(prompt, options);
      for (const key of ["prompt_embeds", "pooled_prompt_embeds"] as const) {
        const found = output[camelCase(key) as "promptEmbeds"];
        assertWithin(relativeDifference(found, golden.tensors.get(wanted[key])!), 1e-4, name);
      }
    }
  });

  it("stands zeros before the images without text encoders, and says that a prompt is not used", async () => {
    const warnings: string[] = [];
    const pipe = await FluxPriorReduxPipeline.fromPretrained(fixture("tiny-flux-redux"), {
      onWarning: (message) => void warnings.push(message),
    });
    const image = Tensor.full([1, 3, 20, 20], 0.5);
    const { promptEmbeds, pooledPromptEmbeds } = await pipe("a cat", { image });
    assertEquals([promptEmbeds.dims, pooledPromptEmbeds.dims], [[1, 512 + 16, 16], [1, 768]]);
    assertEquals(promptEmbeds.slice(1, 0, 512).abs().max().item(), 0);
    assert(promptEmbeds.slice(1, 512, 528).abs().max().item() > 0);
    assertEquals(warnings.length, 1);
    await assertRejects(
      () => pipe(undefined, { image, promptEmbedsScale: [1, 2] }),
      RangeError,
      "give one number",
    );
    await pipe.dispose();
  });

  it("is loaded by its repo, and FLUX.1 makes images with what it gives", async () => {
    const any = await DiffusionPipeline.fromPretrained(fixture("tiny-flux-redux"));
    assertEquals([any.className, any.makes], ["FluxPriorReduxPipeline", "embeddings"]);
    const redux = await FluxPriorReduxPipeline.fromPretrained(fixture("tiny-flux-redux"), texts);
    const draw = async (shade: number) => {
      const given = await redux("a cat", { image: Tensor.full([1, 3, 20, 20], shade) });
      const call = { ...given, height: 32, width: 32, numInferenceSteps: 2, seed: 1 };
      return (await flux(undefined, call)).images[0]!.data;
    };
    const [dark, light] = [await draw(0.1), await draw(0.9)];
    assert(dark.some((x, i) => x !== light[i]), "the image has no part in it");
  });
});
