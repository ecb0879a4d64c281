import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Image } from "@denoise/core";
import type { AdaptableModel } from "@denoise/adapters";
import {
  type AdapterWeights,
  DDPMPipeline,
  DenoiseError,
  type ImageOutput,
  type LoraOptions,
  StableDiffusionPipeline,
  StableDiffusionXLPipeline,
  Tensor,
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
  const NOTED = ["rslora", "patterns", "rslora-patterns", "bias", "dora-note"];
  for (const style of ["peft", "kohya", "early", "oldest", ...NOTED]) {
    it(`applies ${style} as diffusers does, at any weight`, async () => {
      const name = await pipe.loadLoraWeights(`${FOLDER}${style}.safetensors`, {
        adapterName: style,
      });
      assertEquals(name, style);
      assert(await distance(await draw(), style) <= 1);
      await pipe.setAdapters(style, 0.4);
      assert(await distance(await draw(), `${style} 0.4`) <= 1);
      await pipe.unloadLoraWeights();
      assert(await distance(await draw(), "base") <= 1);
    });
  }

  const LYCORIS = "loha loha-whole loha-tucker lokr lokr-both lokr-whole lokr-tucker".split(" ");
  for (const kind of ["dora", ...LYCORIS]) {
    const peft = ["dora", "loha", "lokr"].includes(kind) ? [`${kind}-peft`] : [];
    for (const file of [kind, ...peft]) {
      it(`applies ${file} as PEFT does, at any weight`, async () => {
        await pipe.loadLoraWeights(`${FOLDER}${file}.safetensors`, { adapterName: file });
        assert(await distance(await draw(), kind) <= 1);
        await pipe.setAdapters(file, 0.4);
        assert(await distance(await draw(), `${kind} 0.4`) <= 1);
        await pipe.unloadLoraWeights();
        assert(await distance(await draw(), "base") <= 1);
      });
    }
  }

  it("changes both text encoders of Stable Diffusion XL, by any names", async () => {
    const xl = await StableDiffusionXLPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    for (const file of ["xl", "xl-kohya", "xl-first-names"]) {
      await xl.loadLoraWeights(`${FOLDER}${file}.safetensors`, { adapterName: file });
      assert(await distance(await draw(xl), "xl") <= 1, file);
      await xl.setAdapters(file, 0.4);
      assert(await distance(await draw(xl), "xl 0.4") <= 1, `${file}, 0.4`);
      await xl.unloadLoraWeights();
      assert(await distance(await draw(xl), "xl base") <= 1);
    }
    await xl.dispose();
  });

  it("is weighed by components and blocks, as diffusers does", async () => {
    const xl = await StableDiffusionXLPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    await xl.loadLoraWeights(`${FOLDER}xl.safetensors`, { adapterName: "xl" });
    await xl.setAdapters("xl", {
      unet: { down: 0.3, up: { block_0: [0, 1.2] } },
      textEncoder: 0.1,
      textEncoder2: 0.6,
    });
    assert(await distance(await draw(xl), "xl blocks") <= 1);
    await xl.setAdapters(["xl"], [{ unet: { mid: 0.2, down: { block_1: 0 } } }]);
    assert(await distance(await draw(xl), "xl middle") <= 1);
    const refused: [AdapterWeights, string][] = [
      [{ vae: 1 } as AdapterWeights, "weigh an adapter in vae"],
      [{ unet: { up: { block_9: 1 } } }, "scale up.block_9"],
      [{ unet: { mid: [1, 2] } }, "1 attentions of mid"],
      [{ textEncoder: NaN }, "in textEncoder by NaN"],
    ];
    for (const [weights, said] of refused) {
      await assertRejects(() => xl.setAdapters("xl", weights), RangeError, said);
    }
    assert(await distance(await draw(xl), "xl middle") <= 1, "nothing has changed");
    await xl.dispose();
  });

  it("mixes several, each with its weight", async () => {
    await pipe.loadLoraWeights(FOLDER, { weightName: "peft.safetensors", adapterName: "one" });
    await pipe.loadLoraWeights(FOLDER, { weightName: "early.safetensors", adapterName: "two" });
    await pipe.setAdapters(["one", "two"], [0.7, -0.5]);
    assertEquals(await pipe.getActiveAdapters(), ["one", "two"]);
    assert(await distance(await draw(), "both") <= 1);
    await pipe.setAdapters([]);
    assert(await distance(await draw(), "base") <= 1, "adapters that are not named are off");
    await pipe.unloadLoraWeights();
    assertEquals(await pipe.getActiveAdapters(), []);
  });

  it("refuses files of other models and other things, and changes nothing then", async () => {
    const ddpm = await DDPMPipeline.fromPretrained(fixture("tiny-ddpm"));
    const other = await assertRejects(
      () => ddpm.loadLoraWeights(`${FOLDER}early.safetensors`),
      DenoiseError,
    );
    assertEquals(other.code, "unexpected_tensor");
    await assertRejects(
      () => pipe.loadLoraWeights(`${FOLDER}images.safetensors`),
      DenoiseError,
      'it has a tensor "base"',
    );
    await assertRejects(() => pipe.loadLoraWeights(`${FOLDER}none.safetensors`), Error);
    await pipe.loadLoraWeights(`${FOLDER}early.safetensors`, { adapterName: "a" });
    await assertRejects(
      () => pipe.loadLoraWeights(`${FOLDER}early.safetensors`, { adapterName: "a" }),
      RangeError,
      "give another adapterName",
    );
    await assertRejects(() => pipe.setAdapters("b"), RangeError, "there are a");
    await assertRejects(() => pipe.setAdapters("a", [1, 2]), RangeError, "one for each");
    await pipe.unloadLoraWeights();
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
      [{ ...lora, "lora_B.bias": Tensor.zeros([3]) }, "its bias has 3 numbers"],
      [{ ...lora, alpha: Tensor.full([], NaN) }, "its alpha is NaN"],
      [{ ...lora, "lora_down.weight": wide }, "it has two tensors like"],
      [{ "lora_embedding_A": wide, "lora_embedding_B": high }, "it has a tensor"],
    ];
    for (const [parts, said] of refused) {
      const tensors = Object.entries(parts).map(([part, tensor]) => [`${name}.${part}`, tensor]);
      await saveSafetensors(file, Object.fromEntries(tensors));
      const error = await assertRejects(() => pipe.loadLoraWeights(file), DenoiseError, said);
      assertEquals(error.code, "unexpected_tensor");
    }
    await saveSafetensors(file, { [`${name}.diff`]: Tensor.zeros([width, width + 1]) });
    await assertRejects(() => pipe.loadLoraWeights(file), RangeError, "is it of another model?");
    assertEquals(await pipe.getActiveAdapters(), []);
    await Deno.remove(file);
  });

  const LAYER = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
  const WIDTH = (pipe.unet as unknown as AdaptableModel).layerShapes.get(LAYER)![0]!;
  const PAIR = {
    "lora_A.weight": Tensor.ones([2, WIDTH]).mul(0.3),
    "lora_B.weight": Tensor.ones([WIDTH, 2]).mul(0.3),
  };

  /** What a file with those tensors and that note draws. */
  async function drawWith(
    tensors: Record<string, Tensor>,
    note?: object,
    options: LoraOptions = {},
  ): Promise<Uint8Array> {
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    try {
      const metadata = { lora_adapter_metadata: JSON.stringify(note) };
      await saveSafetensors(file, tensors, note === undefined ? {} : metadata);
      await pipe.loadLoraWeights(file, options);
      return (await draw()).data;
    } finally {
      await pipe.unloadLoraWeights();
      await Deno.remove(file);
    }
  }

  function named(prefix: string, parts: Record<string, Tensor> = PAIR): Record<string, Tensor> {
    return Object.fromEntries(
      Object.entries(parts).map(([part, tensor]) => [`${prefix}${part}`, tensor]),
    );
  }

  it("refuses a note with anything that changes the result and is not supported", async () => {
    const refused: [object, string][] = [
      [{ r: 3 }, "its rank is 2, where the note of the file says 3"],
      [{}, "its rank is 2, where the note of the file says 8"],
      [{ r: 2, rank_pattern: { to_q: 4 } }, "says 4"],
      [{ r: 2, use_dora: true }, "it has no magnitudes"],
      [{ r: 2, init_lora_weights: "pissa_niter_4" }, "pissa_niter_4"],
      [{ r: 2, init_lora_weights: "olora" }, "olora"],
      [{ r: 2, modules_to_save: ["conv_in"] }, 'modules_to_save: ["conv_in"]'],
      [{ r: 2, layer_replication: [[0, 2]] }, "layer_replication"],
      [{ r: 2, use_qalora: true }, "use_qalora"],
      [{ r: 2, alora_invocation_tokens: [1] }, "alora_invocation_tokens"],
      [{ r: 2, lora_alpha: "much" }, "which is no number"],
      [{ r: 2, alpha_pattern: { "(": 1 } }, "no expression"],
      [{ r: 2, alpha_pattern: { to_q: "1" } }, "no numbers"],
      [{ r: 2, from_the_future: 1 }, '"from_the_future", an unknown option'],
    ];
    for (const [options, said] of refused) {
      const note = Object.fromEntries(
        Object.entries({ lora_alpha: 4, ...options }).map(([key, value]) => [`unet.${key}`, value]),
      );
      const error = await assertRejects(
        () => drawWith(named(`unet.${LAYER}.`), note),
        DenoiseError,
        said,
      );
      assertEquals(error.code, "unexpected_tensor");
    }
    const bias = { ...PAIR, "lora_B.bias": Tensor.ones([WIDTH]) };
    const without = { "unet.r": 2, "unet.lora_bias": false };
    await assertRejects(
      () => drawWith(named(`unet.${LAYER}.`, bias), without),
      DenoiseError,
      "lora_bias: false",
    );
    const twice = { ...PAIR, alpha: Tensor.ones([]) };
    await assertRejects(
      () => drawWith(named(`unet.${LAYER}.`, twice), { "unet.r": 2 }),
      DenoiseError,
      "its tensor alpha (1) and the note",
    );
  });

  it("leaves aside what says nothing about the result", async () => {
    const plain = await drawWith(named(`unet.${LAYER}.`));
    const note = {
      ...{ r: 2, lora_alpha: 2, lora_dropout: 0.5, target_modules: ["x"], bias: "all" },
      ...{ task_type: null, modules_to_save: null, init_lora_weights: "gaussian" },
      ...{ fan_in_fan_out: true, use_rslora: false, use_dora: false, loftq_config: {} },
    };
    const entries = Object.entries(note).map(([key, value]) => [`unet.${key}`, value]);
    assertEquals(
      await drawWith(named(`unet.${LAYER}.`), Object.fromEntries(entries)),
      plain,
    );
  });

  it("reads every name that diffusers, PEFT, kohya and ComfyUI have for a layer", async () => {
    const plain = await drawWith(named(`unet.${LAYER}.`));
    const [a, b] = [PAIR["lora_A.weight"], PAIR["lora_B.weight"]];
    const under = LAYER.replaceAll(".", "_");
    const early = LAYER.replace(".to_q", ".processor.to_q_lora");
    const names = [
      named(`${LAYER}.`),
      named(`diffusion_model.${LAYER}.`),
      named(`base_model.model.${LAYER}.`),
      named(`unet.base_model.model.${LAYER}.`),
      named(`base_model.model.unet.${LAYER}.`),
      { [`unet.${LAYER}.lora_A.default.weight`]: a, [`unet.${LAYER}.lora_B.default.weight`]: b },
      { [`unet.${LAYER}.lora.down.weight`]: a, [`unet.${LAYER}.lora.up.weight`]: b },
      { [`unet.${early}.down.weight`]: a, [`unet.${early}.up.weight`]: b },
      { [`${early}.down.weight`]: a, [`${early}.up.weight`]: b },
      { [`lora_unet_${under}.lora_down.weight`]: a, [`lora_unet_${under}.lora_up.weight`]: b },
      { [`lycoris_${under}.lora_down.weight`]: a, [`lycoris_${under}.lora_up.weight`]: b },
    ];
    for (const tensors of names) {
      assertEquals(await drawWith(tensors), plain, Object.keys(tensors)[0]);
    }
  });

  it("warns of a part for a component that is not there, and applies the rest", async () => {
    const plain = await drawWith(named(`unet.${LAYER}.`));
    const warnings: string[] = [];
    const tensors = { ...named(`unet.${LAYER}.`), ...named("text_encoder_2.encoder.q_proj.") };
    const onWarning = (message: string) => void warnings.push(message);
    assertEquals(await drawWith(tensors, undefined, { onWarning }), plain);
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("textEncoder2, which the pipeline lacks"), warnings[0]);
  });

  it("refuses a change of a layer that takes none, and a weight that is no number", async () => {
    const layers = (pipe.textEncoder as unknown as AdaptableModel).layerShapes;
    const [embedding, shape] = [...layers].find(([name]) => name.endsWith("token_embedding"))!;
    const parts = {
      "lora_A.weight": Tensor.zeros([2, shape[1]!]),
      "lora_B.weight": Tensor.zeros([shape[0]!, 2]),
    };
    const tensors = named(`text_encoder.${embedding}.`, parts);
    await assertRejects(() => drawWith(tensors), RangeError, "neither linear nor a convolution");
    await assertRejects(
      () => drawWith(named(`unet.${LAYER}.`), undefined, { weight: Infinity }),
      RangeError,
      "weight Infinity",
    );
    assert(await distance(await draw(), "base") <= 1);
  });

  it("finds the file of a folder as diffusers and PEFT name it, and PEFT's note beside it", async () => {
    const folder = await Deno.makeTempDir();
    const from = async (weightName?: string) => {
      await pipe.loadLoraWeights(folder, { weightName });
      const { data } = await draw();
      await pipe.unloadLoraWeights();
      return data;
    };
    await assertRejects(() => from(), DenoiseError, "no .safetensors file");
    await saveSafetensors(`${folder}/style.safetensors`, named(`unet.${LAYER}.`));
    const plain = await from();
    await saveSafetensors(
      `${folder}/adapter_model.safetensors`,
      named(`base_model.model.${LAYER}.`),
    );
    const config = { peft_type: "LORA", r: 2, lora_alpha: 8, use_rslora: false };
    await Deno.writeTextFile(`${folder}/adapter_config.json`, JSON.stringify(config));
    const noted = { "unet.r": 2, "unet.lora_alpha": 8 };
    const strong = await drawWith(named(`unet.${LAYER}.`), noted);
    assertEquals(await from(), strong);
    assert(strong.some((value, i) => value !== plain[i]), "the note is read");
    await Deno.remove(`${folder}/adapter_model.safetensors`);
    await saveSafetensors(`${folder}/other.safetensors`, named(`unet.${LAYER}.`));
    await assertRejects(() => from(), DenoiseError, "other.safetensors, style.safetensors");
    assertEquals(await from("other.safetensors"), plain);
    await Deno.remove(folder, { recursive: true });
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
      await pipe.loadLoraWeights(file);
      images.push((await draw()).data);
      await pipe.unloadLoraWeights();
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
    await assertRejects(() => pipe.loadLoraWeights(file), RangeError, "is it of another model?");
    assert(await distance(await draw(), "base") <= 1);
    await Deno.remove(file);
  });
});
