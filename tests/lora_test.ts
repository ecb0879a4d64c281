import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type AdaptableModel,
  type AdapterWeights,
  DDPMPipeline,
  DenoiseError,
  getActiveAdapters,
  type Image,
  type ImageOutput,
  loadLoraWeights,
  setAdapters,
  StableDiffusionPipeline,
  StableDiffusionXLPipeline,
  Tensor,
  unloadLoraWeights,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors } = await openSafetensors(`${FOLDER}images.safetensors`);
const pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"));

type Drawing = (prompt: string, options: object) => Promise<ImageOutput>;

async function draw(by: Drawing = pipe): Promise<Image> {
  return (await by("a red apple", { numInferenceSteps: 4, seed: 5 })).images[0]!;
}

/** The largest difference at any pixel, of 255. */
async function distance(image: Image, golden: string): Promise<number> {
  const expected: Tensor = await readTensor(tensors.get(golden)!);
  return Math.max(...image.data.map((value, i) => Math.abs(value - Number(expected.data[i]))));
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

  const LYCORIS = "loha loha-whole loha-tucker lokr lokr-both lokr-whole lokr-tucker".split(" ");
  for (const kind of ["dora", ...LYCORIS]) {
    const peft = ["dora", "loha", "lokr"].includes(kind) ? [`${kind}-peft`] : [];
    for (const file of [kind, ...peft]) {
      it(`applies ${file} as PEFT does, at any weight`, async () => {
        await loadLoraWeights(pipe, `${FOLDER}${file}.safetensors`, { adapterName: file });
        assert(await distance(await draw(), kind) <= 1);
        await setAdapters(pipe, file, 0.4);
        assert(await distance(await draw(), `${kind} 0.4`) <= 1);
        await unloadLoraWeights(pipe);
        assert(await distance(await draw(), "base") <= 1);
      });
    }
  }

  it("changes both text encoders of Stable Diffusion XL, by any names", async () => {
    const xl = await StableDiffusionXLPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    for (const file of ["xl", "xl-kohya", "xl-first-names"]) {
      await loadLoraWeights(xl, `${FOLDER}${file}.safetensors`, { adapterName: file });
      assert(await distance(await draw(xl), "xl") <= 1, file);
      await setAdapters(xl, file, 0.4);
      assert(await distance(await draw(xl), "xl 0.4") <= 1, `${file}, 0.4`);
      await unloadLoraWeights(xl);
      assert(await distance(await draw(xl), "xl base") <= 1);
    }
    await xl.dispose();
  });

  it("is weighed by components and blocks, as diffusers does", async () => {
    const xl = await StableDiffusionXLPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    await loadLoraWeights(xl, `${FOLDER}xl.safetensors`, { adapterName: "xl" });
    await setAdapters(xl, "xl", {
      unet: { down: 0.3, up: { block_0: [0, 1.2] } },
      textEncoder: 0.1,
      textEncoder2: 0.6,
    });
    assert(await distance(await draw(xl), "xl blocks") <= 1);
    await setAdapters(xl, ["xl"], [{ unet: { mid: 0.2, down: { block_1: 0 } } }]);
    assert(await distance(await draw(xl), "xl middle") <= 1);
    const refused: [AdapterWeights, string][] = [
      [{ vae: 1 } as AdapterWeights, "weigh an adapter in vae"],
      [{ unet: { up: { block_9: 1 } } }, "scale up.block_9"],
      [{ unet: { mid: [1, 2] } }, "1 attentions of mid"],
      [{ textEncoder: NaN }, "in textEncoder by NaN"],
    ];
    for (const [weights, said] of refused) {
      await assertRejects(() => setAdapters(xl, "xl", weights), RangeError, said);
    }
    assert(await distance(await draw(xl), "xl middle") <= 1, "nothing has changed");
    await xl.dispose();
  });

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
      () => loadLoraWeights(pipe, `${FOLDER}images.safetensors`),
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

  it("refuses changes that lack a part, or that it does not know", async () => {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    const name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    const { layerShapes } = pipe.unet as unknown as AdaptableModel;
    const width = layerShapes.get(name.slice("unet.".length))![0]!;
    const [wide, high] = [Tensor.zeros([2, width]), Tensor.zeros([width, 2])];
    const lora = { "lora_A.weight": wide, "lora_B.weight": high };
    const refused: [Record<string, Tensor>, string][] = [
      [{ "lora_A.weight": wide }, "it lacks its up matrix"],
      [{ hada_w1_a: high, hada_w1_b: wide, hada_w2_a: high }, "it lacks its hada_w2_b"],
      [{ hada_w1_a: high, hada_w1_b: high, hada_w2_a: high, hada_w2_b: wide }, "do not fit"],
      [{ lokr_w1_a: high, lokr_w2: wide }, "it lacks its lokr_w1_b"],
      [{ ...lora, lokr_w2: wide }, "make no change together"],
      [{ alpha: Tensor.zeros([]) }, "make no change together"],
      [{ ...lora, dora_scale: Tensor.zeros([1, width]) }, "those for each input"],
      [{ ...lora, dora_scale: Tensor.zeros([width + 1, 1]) }, "one for each of"],
      [{ oft_blocks: wide }, "it has a tensor"],
    ];
    for (const [parts, said] of refused) {
      const tensors = Object.entries(parts).map(([part, tensor]) => [`${name}.${part}`, tensor]);
      await saveSafetensors(file, Object.fromEntries(tensors));
      const error = await assertRejects(() => loadLoraWeights(pipe, file), DenoiseError, said);
      assertEquals(error.code, "unexpected_tensor");
    }
    await saveSafetensors(file, { [`${name}.diff`]: Tensor.zeros([width, width + 1]) });
    await assertRejects(() => loadLoraWeights(pipe, file), RangeError, "is it of another model?");
    assertEquals(getActiveAdapters(pipe), []);
    await Deno.remove(file);
  });

  it("applies a whole difference", async () => {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    const layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    const { tensors } = await openSafetensors(`${FOLDER}early.safetensors`);
    const part = async (end: string) =>
      await readTensor(tensors.get(`unet.${layer}.lora.${end}.weight`)!);
    const [down, up] = [await part("down"), await part("up")];
    const [rows, rank] = up.dims as [number, number];
    const product = up.reshape([rows, rank, 1]).mul(down.reshape([1, rank, -1])).sum(1);
    const pair = { [`unet.${layer}.lora_A.weight`]: down, [`unet.${layer}.lora_B.weight`]: up };
    const images = [];
    for (const change of [pair, { [`unet.${layer}.diff`]: product }]) {
      await saveSafetensors(file, change);
      await loadLoraWeights(pipe, file);
      images.push((await draw()).data);
      await unloadLoraWeights(pipe);
    }
    // sums of another order
    const [one, other] = images as [Uint8Array, Uint8Array];
    assert(one.every((value, i) => Math.abs(value - other[i]!) <= 1));
    assert(await distance({ ...await draw(), data: one } as Image, "base") > 1, "it changes");
    await Deno.remove(file);
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
