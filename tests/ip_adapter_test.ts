/**
 * Images made after images, against diffusers, and what is said to bad IP-Adapters.
 *
 * @module
 */
import type { Prompt } from "@denoise/diffusion";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Generator } from "@denoise/core";
import {
  type AnyPipeline,
  DenoiseError,
  DenoiseImage,
  type PipelineMethods,
  randn,
  StableDiffusionPipeline,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { camelCase, fixture, type Golden, readGolden } from "./support/golden.ts";
import { pixelDifference } from "./support/pipelines.ts";
import { loadTask, type Task, type TaskCall, taskValue } from "./support/tasks.ts";

interface Case extends TaskCall {
  readonly pipeline: string;
  readonly repo: string;
  readonly adapters: readonly string[];
  readonly adapter_scale: Parameters<PipelineMethods["setIpAdapterScale"]>[0] | null;
}

const FOLDER = fixture("ip_adapter");
const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("ip_adapter");
const { cases } = golden.head;
const XL_CONTROL = "parts/ControlNetModel/xl";
const PARTS: Readonly<Record<string, Task["parts"]>> = {
  StableDiffusionControlNetPipeline: { controlnet: "models/ControlNetModel/sd1" },
  StableDiffusionXLControlNetPipeline: { controlnet: XL_CONTROL },
  StableDiffusionXLControlNetImg2ImgPipeline: { controlnet: XL_CONTROL },
  StableDiffusionXLControlNetInpaintPipeline: { controlnet: XL_CONTROL },
};

async function difference(pipe: AnyPipeline, { call, seeds, images }: Case): Promise<number> {
  const { prompt, ...rest } = call;
  const options = Object.entries(rest).map(([key, value]) => [
    camelCase(key),
    taskValue(value, golden.tensors),
  ]);
  const generator = seeds.map((seed) => new Generator(seed));
  const output = await pipe(prompt as Prompt, { ...Object.fromEntries(options), generator });
  return pixelDifference(output, golden.tensors.get(images!)!);
}

for (const pipeline of new Set(cases.map((one) => one.pipeline))) {
  describe(`${pipeline} with loadIpAdapter() gives the images of diffusers`, () => {
    let pipe: AnyPipeline;
    beforeAll(async () => {
      const parts = PARTS[pipeline] ?? {};
      const { repo } = cases.find((one) => one.pipeline === pipeline)!;
      pipe = await loadTask({ pipeline, repo, parts });
    });
    afterAll(() => pipe.dispose());
    for (const one of cases.filter((item) => item.pipeline === pipeline)) {
      it(one.name, async () => {
        const weightName = one.adapters.map((name) => `${name}.safetensors`);
        await pipe.loadIpAdapter(FOLDER, { weightName });
        if (one.adapter_scale !== null) await pipe.setIpAdapterScale(one.adapter_scale);
        assert(await difference(pipe, one) <= 1); // a rounding may fall on either side
      });
    }
  });
}

describe("loadIpAdapter()", () => {
  const image = new DenoiseImage(16, 16, 3, new Uint8Array(16 * 16 * 3).fill(90));
  const few = { numInferenceSteps: 2, seed: 1 };
  const plain = { weightName: "plain.safetensors" };
  let pipe: StableDiffusionPipeline;
  beforeAll(async () => {
    pipe = await StableDiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
      onWarning: () => {},
    });
  });
  afterAll(() => pipe.dispose());

  it("is undone by unloadIpAdapter()", async () => {
    const { images: [before] } = await pipe("a cat", few);
    await pipe.loadIpAdapter(FOLDER, plain);
    const { images: [after] } = await pipe("a cat", { ...few, ipAdapterImage: image });
    assert(after!.data.some((value, i) => value !== before!.data[i]));
    await pipe.unloadIpAdapter();
    assertEquals(pipe.imageEncoder, null);
    assertEquals((await pipe("a cat", few)).images[0]!.data, before!.data);
    await pipe.unloadIpAdapter();
  });

  it("takes a file, for embeddings alone", async () => {
    await pipe.loadIpAdapter(`${FOLDER}/plain.safetensors`);
    assertEquals(pipe.imageEncoder, null);
    const ipAdapterImageEmbeds = [randn([2, 1, 8])];
    assertEquals((await pipe("a cat", { ...few, ipAdapterImageEmbeds })).images.length, 1);
    const lacking = await assertRejects(
      () => pipe("a cat", { ...few, ipAdapterImage: image }),
      DenoiseError,
    );
    assertEquals(lacking.code, "missing_component");
    await pipe.unloadIpAdapter();
  });

  it("says what a call lacks or has too much", async () => {
    const call = (options: object) => () => pipe("a cat", { ...few, ...options });
    await assertRejects(call({ ipAdapterImage: image }), TypeError, "call loadIpAdapter first");
    await pipe.loadIpAdapter(FOLDER, plain);
    await assertRejects(call({}), TypeError, "give ipAdapterImage");
    const two = [image, image];
    await assertRejects(call({ ipAdapterImage: two }), RangeError, "2 images with 1 IP-Adapters");
    const embeds = [randn([1, 1, 8])];
    await assertRejects(call({ ipAdapterImageEmbeds: embeds }), TypeError, "needs [2, images");
    const both = { ipAdapterImage: image, ipAdapterImageEmbeds: embeds };
    await assertRejects(call(both), TypeError, "not both");
    await assertRejects(() => pipe.setIpAdapterScale([1, 2]), RangeError, "one for each");
    await assertRejects(() => pipe.setIpAdapterScale(NaN), RangeError, "give one number");
    const scale = (given: object) => () => pipe.setIpAdapterScale(given);
    await assertRejects(
      scale({ middle: 1 }),
      RangeError,
      "scale middle: this UNet has attentions in",
    );
    await assertRejects(scale({ up: { block_7: 1 } }), RangeError, "scale up.block_7: this UNet");
    await assertRejects(scale({ mid: [1, 2] }), RangeError, "1 attentions of mid");
    await assertRejects(scale({ down: Infinity }), RangeError, "by Infinity");
    await pipe.unloadIpAdapter();
    await assertRejects(() => pipe.setIpAdapterScale(1), RangeError, "call loadIpAdapter first");
  });

  it("refuses adapters of other models and other files, and changes nothing then", async () => {
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    const { tensors } = await openSafetensors(`${FOLDER}/plain.safetensors`);
    const read = await Promise.all(
      [...tensors].map(async ([name, stored]) => [name, await readTensor(stored)] as const),
    );
    const known = Object.fromEntries(read);
    await saveSafetensors(path, { ...known, "ip_adapter.1.to_k_ip.weight": randn([4, 24]) });
    await assertRejects(() => pipe.loadIpAdapter(path), RangeError, "are [4, 24], but the UNet");
    const { "ip_adapter.1.to_k_ip.weight": _, "ip_adapter.1.to_v_ip.weight": __, ...fewer } = known;
    await saveSafetensors(path, fewer);
    await assertRejects(() => pipe.loadIpAdapter(path), RangeError, "is it of another model?");
    await saveSafetensors(path, { a: randn([2]) });
    await assertRejects(() => pipe.loadIpAdapter(path), DenoiseError, 'a tensor "a"');
    const absent = await assertRejects(() => pipe.loadIpAdapter("./a.bin"), DenoiseError);
    assertEquals(absent.code, "missing_file");
    await assertRejects(() => pipe.loadIpAdapter(FOLDER), TypeError, "as weightName");
    assertEquals((await pipe("a cat", few)).images.length, 1);
    await Deno.remove(path);
  });
});
