import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Generator, type Tensor } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/safetensors";
import { CLIPVisionModel, CLIPVisionModelWithProjection } from "./mod.ts";

const DATA = new URL("./testdata/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${DATA}outputs.safetensors`);
const PIXELS = Generator.manualSeed(0).randn([2, 3, 16, 16]);

/** Float32 sums in another order: a few units in the fifth digit of values around 1. */
async function assertEqual(actual: Tensor | undefined, name: string): Promise<void> {
  const expected = await readTensor(tensors.get(name)!);
  assertEquals(actual?.dims, expected.dims);
  const difference = actual!.sub(expected).abs().max().item();
  assert(difference < 2e-5, `${name} differs by ${difference}`);
}

describe("CLIPVisionModel", () => {
  it("gives the states of transformers", async () => {
    const model = await CLIPVisionModel.fromPretrained(`${DATA}plain`);
    const output = await model.forward(PIXELS, { outputHiddenStates: true });
    await assertEqual(output.lastHiddenState, "plain.last_hidden_state");
    await assertEqual(output.poolerOutput, "plain.pooler_output");
    await assertEqual(output.hiddenStates![1], "plain.hidden_states.1");
    assertEquals(output.hiddenStates!.length, 3);
    assertEquals(output.imageEmbeds, undefined);
    await model.dispose();
  });
});

describe("CLIPVisionModelWithProjection", () => {
  it("gives the embeddings of transformers", async () => {
    const model = await CLIPVisionModelWithProjection.fromPretrained(`${DATA}projected`);
    const output = await model.forward(PIXELS);
    await assertEqual(output.imageEmbeds, "projected.image_embeds");
    await assertEqual(output.lastHiddenState, "projected.last_hidden_state");
    assertEquals(output.hiddenStates, undefined);
    await model.dispose();
  });
});
