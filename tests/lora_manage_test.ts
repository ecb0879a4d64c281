/**
 * LoRAs that are fused, weighed by a call, turned off, taken away and exchanged, against what diffusers
 * makes of them (scripts/reference/lora_manage_goldens.py, lora_goldens.py).
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { AdaptableModel } from "@denoise/adapters";
import type { Image } from "@denoise/core";
import {
  FluxPipeline,
  type ImageOutput,
  StableDiffusionPipeline,
  StableDiffusionXLPipeline,
  Tensor,
} from "@denoise/denoise";
import { childEngine, type Engine, inlineEngine, type SessionSpec } from "@denoise/onnx";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture } from "./support/golden.ts";

const FOLDER = new URL("./golden/lora/", import.meta.url).pathname;
const { tensors: plain } = await openSafetensors(`${FOLDER}images.safetensors`);
const { tensors: managed } = await openSafetensors(`${FOLDER}managed.safetensors`);
const goldens = new Map([...plain, ...managed]);
const REPO = fixture("tiny-stable-diffusion");
const pipe = await StableDiffusionPipeline.fromPretrained(REPO);

type Drawing = (prompt: string, options: object) => Promise<ImageOutput>;

async function draw(options: object = {}, by: Drawing = pipe): Promise<Image> {
  return (await by("a red apple", { numInferenceSteps: 4, seed: 5, ...options })).images[0]!;
}

/** The largest difference at any pixel, of 255. */
async function distance(image: Image, golden: string): Promise<number> {
  const expected: Tensor = await readTensor(goldens.get(golden)!);
  return Math.max(...image.data.map((value, i) => Math.abs(value - Number(expected.data[i]))));
}

async function load(...names: readonly string[]): Promise<void> {
  for (const adapterName of names) {
    await pipe.loadLoraWeights(`${FOLDER}${adapterName}.safetensors`, { adapterName });
  }
}

/** An engine, and the names of the sessions that it was asked for. */
function counted(engine: Engine): { engine: Engine; made: string[] } {
  const made: string[] = [];
  return {
    made,
    engine: {
      createSession(spec: SessionSpec) {
        made.push(spec.name);
        return engine.createSession(spec);
      },
      close: () => engine.close(),
    },
  };
}

describe("LoRAs of a pipeline", () => {
  afterEach(async () => {
    await pipe.unfuseLora();
    await pipe.unloadLoraWeights();
  });

  it("are scaled by a call, in the UNet and in the text encoder, as diffusers does", async () => {
    await load("peft");
    assert(await distance(await draw({ crossAttentionKwargs: { scale: 0.4 } }), "scale 0.4") <= 1);
    assert(await distance(await draw({ crossAttentionKwargs: { scale: 0 } }), "scale 0") <= 1);
    assert(await distance(await draw(), "peft") <= 1, "the next call has its own");
    await load("early");
    await pipe.setAdapters(["peft", "early"], [0.7, -0.5]);
    const half = { crossAttentionKwargs: { scale: 0.5 } };
    assert(await distance(await draw(half), "both, scale 0.5") <= 1);
    const refused: [object, string][] = [
      [{ scale: NaN }, "scale in crossAttentionKwargs must be a number"],
      [{ scale: "much" }, "must be a number"],
      [{ gligen: 1 }, 'Cannot take "gligen" in crossAttentionKwargs'],
    ];
    for (const [crossAttentionKwargs, said] of refused) {
      await assertRejects(() => draw({ crossAttentionKwargs }), TypeError, said);
    }
  });

  it("are scaled by a call in weights that are decomposed (DoRA)", async () => {
    await load("dora");
    assert(await distance(await draw({ crossAttentionKwargs: { scale: 0.4 } }), "dora 0.4") <= 1);
  });

  it("are fused, and taken out again bit for bit", async () => {
    const before = await draw();
    await load("peft");
    const beside = await draw();
    await pipe.fuseLora({ loraScale: 0.7 });
    assertEquals(await pipe.fusedLoras(), ["peft"]);
    assert(await distance(await draw(), "fused 0.7") <= 1);
    const half = { crossAttentionKwargs: { scale: 0.5 } };
    assert(await distance(await draw(half), "fused 0.7, scale 0.5") <= 1);
    await pipe.setAdapters("peft", 0.1);
    assert(await distance(await draw(), "fused 0.7") <= 1, "weights count when it is not fused");
    await pipe.setAdapters("peft");
    await pipe.unfuseLora();
    assertEquals((await draw()).data, beside.data);
    assertEquals(await pipe.fusedLoras(), []);
    await pipe.unloadLoraWeights();
    assertEquals((await draw()).data, before.data);
  });

  it("stay in the weights when they are fused and then unloaded, and others come beside them", async () => {
    const before = await draw();
    await load("peft");
    await pipe.fuseLora({ loraScale: 0.7 });
    await pipe.unloadLoraWeights();
    assertEquals([await pipe.getListAdapters(), await pipe.fusedLoras()], [{}, ["peft"]]);
    assert(await distance(await draw(), "fused 0.7, unloaded") <= 1);
    await load("early");
    assert(await distance(await draw(), "fused 0.7, unloaded, early") <= 1);
    await pipe.deleteAdapters("early");
    const folder = await Deno.makeTempDir();
    await pipe.savePretrained(folder);
    const saved = await StableDiffusionPipeline.fromPretrained(folder);
    assert(await distance(await draw({}, saved), "fused 0.7, unloaded") <= 1, "is saved so");
    await saved.dispose();
    await Deno.remove(folder, { recursive: true });
    await pipe.unfuseLora();
    assertEquals((await draw()).data, before.data);
  });

  it("are fused by components and names", async () => {
    await load("peft");
    await pipe.fuseLora({ components: ["unet"], loraScale: 0.6 });
    assert(await distance(await draw(), "unet fused 0.6") <= 1);
    await pipe.unfuseLora();
    await load("early");
    await pipe.setAdapters(["peft", "early"], [0.7, -0.5]);
    await pipe.fuseLora();
    assert(await distance(await draw(), "both fused") <= 1);
    await pipe.unfuseLora();
    await pipe.fuseLora({ adapterNames: ["early"] });
    await pipe.unloadLoraWeights();
    assert(await distance(await draw(), "early fused") <= 1);
  });

  const KINDS = "kohya dora loha loha-tucker lokr lokr-both lokr-whole lokr-tucker";
  for (const kind of KINDS.split(" ")) {
    it(`are fused as they are computed: ${kind}`, async () => {
      await load(kind);
      await pipe.setAdapters(kind, 0.4);
      await pipe.fuseLora();
      assert(await distance(await draw(), `${kind} 0.4`) <= 1);
    });
  }

  it("are turned off and on, deleted and listed as in diffusers", async () => {
    await load("peft", "early");
    assertEquals(await pipe.getListAdapters(), { textEncoder: ["peft"], unet: ["peft", "early"] });
    await pipe.setAdapters(["early"]);
    assertEquals(await pipe.getActiveAdapters(), ["early"]);
    await pipe.setAdapters(["peft", "early"], [0.7, -0.5]);
    await pipe.deleteAdapters("early");
    assertEquals(await pipe.getActiveAdapters(), ["peft"]);
    assert(await distance(await draw(), "early deleted") <= 1);
    await pipe.disableLora();
    assertEquals(await pipe.getActiveAdapters(), ["peft"]);
    assert(await distance(await draw(), "disabled") <= 1);
    await pipe.enableLora();
    assert(await distance(await draw(), "enabled") <= 1);
    await pipe.fuseLora();
    await pipe.disableLora();
    assert(await distance(await draw(), "disabled") <= 1, "fused ones, too");
    await pipe.enableLora();
    assert(await distance(await draw(), "enabled") <= 1);
  });

  it("are refused by names, components and numbers that are not there", async () => {
    await assertRejects(() => pipe.fuseLora(), RangeError, "none is loaded");
    await load("peft");
    await assertRejects(() => pipe.fuseLora({ components: [] }), RangeError, "in no components");
    const vae = () => pipe.fuseLora({ components: ["vae"] });
    await assertRejects(vae, RangeError, "Cannot fuse LoRAs in vae: components of this pipeline");
    const names = () => pipe.fuseLora({ adapterNames: ["x"] });
    await assertRejects(names, RangeError, 'Cannot fuse the adapter "x": there are peft');
    await assertRejects(() => pipe.deleteAdapters("x"), RangeError, "there are peft");
    const layers = () => pipe.setAdapters("peft", { textEncoder: { "no.such": 1 } });
    await assertRejects(layers, RangeError, "no layer has that in its name");
    await load("bias"); // of queries, which have none themselves; PEFT refuses it too
    const biased = () => pipe.fuseLora({ adapterNames: ["bias"] });
    await assertRejects(biased, RangeError, "which has none; leave it beside the layers");
    assertEquals(await pipe.fusedLoras(), []);
    const file = await Deno.makeTempFile({ suffix: ".safetensors" });
    const name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    const { layerShapes } = pipe.unet as unknown as AdaptableModel;
    const width = layerShapes.get(name.slice("unet.".length))![0]!;
    await saveSafetensors(file, {
      [`${name}.lora_A.weight`]: Tensor.full([2, width], NaN),
      [`${name}.lora_B.weight`]: Tensor.zeros([width, 2]),
    });
    await pipe.loadLoraWeights(file, { adapterName: "broken" });
    const safe = () => pipe.fuseLora({ safeFusing: true });
    await assertRejects(safe, RangeError, 'the adapter "broken": its change of');
    assertEquals(await pipe.fusedLoras(), []);
    await Deno.remove(file);
  });
});

describe("a LoRA with hotswap", () => {
  for (const [kind, home] of [["this thread", inlineEngine], ["a child", childEngine]] as const) {
    it(`takes the place of another in the same sessions, in ${kind}`, async () => {
      await using engine = new Closing(home());
      const { made, engine: counting } = counted(engine.engine);
      const swapped = await StableDiffusionPipeline.fromPretrained(REPO, { engine: counting });
      await swapped.enableLoraHotswap({ targetRank: 8 });
      const load = (name: string, hotswap = true) =>
        swapped.loadLoraWeights(`${FOLDER}${name}.safetensors`, { adapterName: "one", hotswap });
      await load("peft", false);
      assert(await distance(await draw({}, swapped), "peft") <= 1);
      const sessions = [...made];
      await load("early");
      assert(await distance(await draw({}, swapped), "early") <= 1, "equal to a fresh load");
      assertEquals(await swapped.getListAdapters(), { unet: ["one"] });
      await swapped.setAdapters("one", 0.4);
      assert(await distance(await draw({}, swapped), "early 0.4") <= 1);
      await swapped.disableLora();
      assert(await distance(await draw({}, swapped), "base") <= 1);
      await swapped.enableLora();
      assertEquals(made.filter((name) => name.startsWith("UNet")), [
        ...sessions.filter((name) => name.startsWith("UNet")),
      ]);
      const half = { crossAttentionKwargs: { scale: 0.5 } };
      await swapped.setAdapters("one", 0.8);
      assert(await distance(await draw(half, swapped), "early 0.4") <= 1, "scaled by the call");
      await swapped.dispose();
    });
  }

  it("exchanges without being asked for before, from the second time on in the same sessions", async () => {
    const { made, engine } = counted(inlineEngine());
    const swapped = await StableDiffusionPipeline.fromPretrained(REPO, { engine });
    const load = (name: string, hotswap = true) =>
      swapped.loadLoraWeights(`${FOLDER}${name}.safetensors`, { adapterName: "one", hotswap });
    await assertRejects(() => load("peft"), RangeError, "Cannot exchange the adapter");
    await load("kohya", false);
    await load("peft");
    assert(await distance(await draw({}, swapped), "peft") <= 1);
    const unets = () => made.filter((name) => name.startsWith("UNet")).length;
    const before = unets();
    await load("kohya");
    assert(await distance(await draw({}, swapped), "kohya") <= 1);
    assertEquals(unets(), before);
    await load("dora"); // other layers, and lengths of rows
    assert(await distance(await draw({}, swapped), "dora") <= 1);
    assertEquals(unets(), before + 1);
    const low = () => swapped.enableLoraHotswap({ targetRank: 1 });
    await assertRejects(low, RangeError, "call it with");
    assert(await distance(await draw({}, swapped), "dora") <= 1, "nothing has changed");
    await swapped.fuseLora();
    assert(await distance(await draw({}, swapped), "dora") <= 1);
    await assertRejects(() => load("peft"), RangeError, "it is fused");
    await swapped.dispose();
  });
});

class Closing {
  constructor(readonly engine: Engine) {}
  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close();
  }
}

describe("LoRAs of other families", () => {
  it("are weighed by layers and scaled by a call in FLUX.1, as diffusers does", async () => {
    const flux = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
    const call = { height: 32, width: 32, maxSequenceLength: 16 };
    await flux.loadLoraWeights(`${FOLDER}flux-peft.safetensors`, { adapterName: "peft" });
    const scaled = { ...call, jointAttentionKwargs: { scale: 0.4 } };
    assert(await distance(await draw(scaled, flux), "flux, scale 0.4") <= 1);
    const transformer = {
      ...{ single_transformer_blocks: 0.2, transformer_blocks: 0.5 },
      ...{ embed: 0.7, norm_out: 0.3, proj_out: 0.9 },
    };
    await flux.setAdapters("peft", { transformer });
    const weighed = await draw(call, flux);
    assert(await distance(weighed, "flux, layers") <= 1);
    await flux.fuseLora();
    assert(await distance(await draw(call, flux), "flux, layers") <= 1);
    await flux.unfuseLora();
    assertEquals((await draw(call, flux)).data, weighed.data);
    await flux.enableLoraHotswap({ targetRank: 8 });
    assert(await distance(await draw(call, flux), "flux, layers") <= 1);
    await flux.dispose();
  });

  it("are scaled by a call in both text encoders of Stable Diffusion XL", async () => {
    const xl = await StableDiffusionXLPipeline.fromPretrained(fixture("tiny-stable-diffusion-xl"));
    await xl.loadLoraWeights(`${FOLDER}xl.safetensors`, { adapterName: "xl" });
    const scaled = await draw({ crossAttentionKwargs: { scale: 0.4 } }, xl);
    assert(await distance(scaled, "xl 0.4") <= 1);
    assertNotEquals(scaled.data, (await draw({}, xl)).data);
    await xl.setAdapters("xl", {
      unet: { down: 0.3, up: { block_0: [0, 1.2] } },
      textEncoder: 0.1,
      textEncoder2: 0.6,
    });
    await xl.fuseLora();
    assert(await distance(await draw({}, xl), "xl blocks") <= 1);
    await xl.dispose();
  });
});
