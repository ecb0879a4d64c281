import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  DDPMPipeline,
  DenoiseError,
  getActiveAdapters,
  loadLoraWeights,
  type Picture,
  setAdapters,
  StableDiffusionPipeline,
  Tensor,
  unloadLoraWeights,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/onnx";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${FOLDER}pictures.safetensors`);
const pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));

async function draw(): Promise<Picture> {
  return (await pipe("a red apple", { numInferenceSteps: 4, seed: 5 })).images[0]!;
}

/** The largest difference at any pixel, of 255. */
async function distance(picture: Picture, golden: string): Promise<number> {
  const expected: Tensor = await readTensor(tensors.get(golden)!);
  return Math.max(...picture.data.map((value, i) => Math.abs(value - Number(expected.data[i]))));
}

describe("loadLoraWeights()", () => {
  for (const style of ["peft", "kohya", "early"]) {
    it(`applies a file of the style of ${style} as diffusers does, at any weight`, async () => {
      const name = await loadLoraWeights(pipe, `${FOLDER}${style}.safetensors`, {
        adapterName: style,
      });
      assertEquals(name, style);
      assert(await distance(await draw(), style) <= 1);
      await setAdapters(pipe, style, 0.4);
      assert(await distance(await draw(), `${style} 0.4`) <= 1);
      await unloadLoraWeights(pipe);
      assert(await distance(await draw(), "base") <= 1);
    });
  }

  it("mixes several, each with its weight", async () => {
    await loadLoraWeights(pipe, FOLDER, { weightName: "peft.safetensors", adapterName: "one" });
    await loadLoraWeights(pipe, FOLDER, { weightName: "early.safetensors", adapterName: "two" });
    await setAdapters(pipe, ["one", "two"], [0.7, -0.5]);
    assertEquals(getActiveAdapters(pipe), ["one", "two"]);
    assert(await distance(await draw(), "both") <= 1);
    await setAdapters(pipe, []);
    assert(await distance(await draw(), "base") <= 1, "adapters that are not named are off");
    await unloadLoraWeights(pipe);
    assertEquals(getActiveAdapters(pipe), []);
  });

  it("refuses files of other models and other things, and changes nothing then", async () => {
    const ddpm = await DDPMPipeline.fromPretrained(fixture("tiny-ddpm"));
    const other = await assertRejects(
      () => loadLoraWeights(ddpm, `${FOLDER}early.safetensors`),
      DenoiseError,
    );
    assertEquals(other.code, "unexpected_tensor");
    await assertRejects(
      () => loadLoraWeights(pipe, `${FOLDER}pictures.safetensors`),
      DenoiseError,
      'it has a tensor "base"',
    );
    await assertRejects(() => loadLoraWeights(pipe, `${FOLDER}none.safetensors`), Error);
    await loadLoraWeights(pipe, `${FOLDER}early.safetensors`, { adapterName: "a" });
    await assertRejects(
      () => loadLoraWeights(pipe, `${FOLDER}early.safetensors`, { adapterName: "a" }),
      RangeError,
      "give another adapterName",
    );
    await assertRejects(() => setAdapters(pipe, "b"), RangeError, "there are a");
    await assertRejects(() => setAdapters(pipe, "a", [1, 2]), RangeError, "one for each");
    await unloadLoraWeights(pipe);
    await ddpm.dispose();
  });

  it("refuses matrices of another width", async () => {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    const name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    await saveSafetensors(file, {
      [`${name}.lora_A.weight`]: Tensor.zeros([2, 7]),
      [`${name}.lora_B.weight`]: Tensor.zeros([7, 2]),
    });
    await assertRejects(() => loadLoraWeights(pipe, file), RangeError, "is it of another model?");
    assert(await distance(await draw(), "base") <= 1);
    await Deno.remove(file);
  });
});
