/**
 * FLUX.1 and Stable Diffusion 3 following images, against diffusers, and what is said to bad IP-Adapters.
 *
 * @module
 */
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Tensor } from "@denoise/core";
import {
  type AnyPipeline,
  CLIPVisionModelWithProjection,
  DenoiseError,
  DenoiseImage,
  FluxFillPipeline,
  FluxPipeline,
  StableDiffusion3Pipeline,
} from "@denoise/denoise";
import { assertWithin, fixture, type Golden, readGolden } from "./support/golden.ts";
import {
  compareTask,
  followImages,
  imageEncoders,
  type IpAdapterScale,
  loadTask,
  type Task,
  type TaskCall,
} from "./support/tasks.ts";

interface Case extends TaskCall {
  readonly pipeline: string;
  readonly repo: string;
  readonly adapters: readonly string[];
  readonly adapter_scale: IpAdapterScale | null;
}

const FOLDER = fixture("ip_adapter_transformers");
const CLIP = { imageEncoderPretrainedModelNameOrPath: fixture("ip_adapter/image_encoder") };
const SIGLIP = fixture("tiny-flux-redux");
const golden = await readGolden<{ readonly cases: readonly Case[] }>("ip_adapter_transformers");
const PARTS: Readonly<Record<string, Task["parts"]>> = {
  FluxControlNetPipeline: { controlnet: "parts/FluxControlNetModel/flux-canny" },
};

const runs = Map.groupBy(golden.head.cases, (one) => `${one.pipeline}, ${one.repo}`);

for (const [name, cases] of runs) {
  describe(`${name}, with loadIpAdapter() gives the images of diffusers`, () => {
    const { pipeline, repo } = cases[0]!;
    let pipe: AnyPipeline;
    beforeAll(async () => {
      const options = await imageEncoders(pipeline);
      pipe = await loadTask({ pipeline, repo, parts: PARTS[pipeline] }, options);
    });
    afterAll(() => pipe.dispose());
    for (const one of cases) {
      it(one.name, async () => {
        await followImages(pipe, one.adapters, one.adapter_scale);
        const { pixels } = await compareTask(pipe, one, golden as unknown as Golden<Task>);
        assertWithin(pixels, 1, "pixels"); // a rounding may fall on either side
      });
    }
  });
}

const few = { numInferenceSteps: 2, seed: 1, maxSequenceLength: 8, width: 32, height: 32 };
const image = Tensor.full([1, 3, 16, 16], 0.3);

describe("loadIpAdapter() for FLUX.1", () => {
  let pipe: FluxPipeline;
  beforeAll(async () => {
    pipe = await FluxPipeline.fromPretrained(fixture("tiny-flux-dev"));
  });
  afterAll(() => pipe.dispose());
  const load = (weightName: string | string[]) => pipe.loadIpAdapter(FOLDER, { weightName });

  it("is undone by unloadIpAdapter()", async () => {
    const { images: [before] } = await pipe("a cat", few);
    const options = { weightName: "flux-xlabs.safetensors", ...CLIP };
    await pipe.loadIpAdapter(FOLDER, options);
    assertEquals(pipe.transformer.imagePrompts?.(), ["embeds"]);
    const { images: [after] } = await pipe("a cat", { ...few, ipAdapterImage: [[image]] });
    assert(after!.data.some((value, i) => value !== before!.data[i]));
    await pipe.unloadIpAdapter();
    assertEquals([pipe.imageEncoder, pipe.featureExtractor], [null, null]);
    assertEquals((await pipe("a cat", few)).images[0]!.data, before!.data);
  });

  it("says what a call lacks or has too much", async () => {
    const call = (options: object) => () => pipe("a cat", { ...few, ...options });
    const embeds = Tensor.zeros([1, 1, 8]);
    await assertRejects(call({ ipAdapterImage: image }), TypeError, "call loadIpAdapter first");
    const avoid = { negativeIpAdapterImage: image };
    await assertRejects(call(avoid), TypeError, "call loadIpAdapter first");
    await load("flux-xlabs.safetensors");
    await assertRejects(call({}), TypeError, "give ipAdapterImage");
    const two = { ipAdapterImageEmbeds: [embeds, embeds] };
    await assertRejects(call(two), RangeError, "2 images with 1 IP-Adapters");
    const flat = { ipAdapterImageEmbeds: [Tensor.zeros([2, 8])] };
    await assertRejects(call(flat), TypeError, "needs [1, images, width]");
    const lacking = await assertRejects(call({ ipAdapterImage: [[image]] }), DenoiseError);
    assertEquals(lacking.code, "missing_component");
    await assertRejects(() => pipe.setIpAdapterScale([1, 2, 3]), RangeError, "a list of 2");
    const down = { down: 1 };
    await assertRejects(() => pipe.setIpAdapterScale(down), RangeError, "or a list of 2");
    await pipe.unloadIpAdapter();
  });

  it("refuses IP-Adapters of other models, and classes that follow no images", async () => {
    await assertRejects(
      () => load("sd3.safetensors"),
      RangeError,
      "with 2; is it of another model?",
    );
    const plain = `${fixture("ip_adapter")}/plain.safetensors`;
    await assertRejects(() => pipe.loadIpAdapter(plain), RangeError, "is it of another model?");
    const fill = FluxFillPipeline.fromPipe(pipe);
    const error = await assertRejects(
      () => fill.loadIpAdapter(`${FOLDER}/flux-xlabs.safetensors`),
      DenoiseError,
      "no unet or transformer that takes one",
    );
    assertEquals(error.code, "missing_component");
    assertEquals((await pipe("a cat", few)).images.length, 1);
  });

  it("is saved and loaded with its image encoder, and without as diffusers writes it", async () => {
    const folder = await Deno.makeTempDir();
    const imageEncoder = await CLIPVisionModelWithProjection.fromPretrained(
      fixture("ip_adapter/image_encoder"),
    );
    const whole = FluxPipeline.fromPipe(pipe, { imageEncoder });
    await whole.savePretrained(folder);
    const index = JSON.parse(await Deno.readTextFile(`${folder}/model_index.json`));
    assertEquals(index.image_encoder, ["transformers", "CLIPVisionModelWithProjection"]);
    assertEquals(index.feature_extractor, [null, null]);
    const again = await FluxPipeline.fromPretrained(folder);
    await again.loadIpAdapter(FOLDER, { weightName: "flux-named.safetensors" });
    const { images } = await again("a cat", { ...few, ipAdapterImage: [[image]] });
    assertEquals(images.length, 1);
    await Promise.all([again.dispose(), imageEncoder.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});

describe("loadIpAdapter() for Stable Diffusion 3", () => {
  let pipe: StableDiffusion3Pipeline;
  beforeAll(async () => {
    pipe = await StableDiffusion3Pipeline.fromPretrained(fixture("tiny-sd3"));
  });
  afterAll(() => pipe.dispose());

  it("brings the encoder and the processor that lie beside the file", async () => {
    const folder = await Deno.makeTempDir();
    await Deno.copyFile(`${FOLDER}/sd3.safetensors`, `${folder}/ip-adapter.safetensors`);
    await Deno.mkdir(`${folder}/image_encoder`);
    for (const part of ["image_encoder", "feature_extractor"]) {
      for (const { name } of Deno.readDirSync(`${SIGLIP}/${part}`)) {
        await Deno.copyFile(`${SIGLIP}/${part}/${name}`, `${folder}/image_encoder/${name}`);
      }
    }
    await pipe.loadIpAdapter(folder, { weightName: "ip-adapter.safetensors" });
    assertEquals(pipe.imageEncoder?.className, "SiglipVisionModel");
    assertEquals(pipe.featureExtractor?.className, "SiglipImageProcessor");
    const skips = { skipGuidanceLayers: [1], skipLayerGuidanceStop: 1 };
    const call = (options: object) => pipe("a cat", { ...few, ...options });
    const shown = new DenoiseImage(16, 16, 3, new Uint8Array(16 * 16 * 3).fill(90));
    const [plain, skipped] = [
      await call({ ipAdapterImage: shown }),
      await call({ ipAdapterImage: shown, ...skips }),
    ];
    assert(plain.images[0]!.data.some((x, i) => x !== skipped.images[0]!.data[i]));
    await pipe.unloadIpAdapter();
    await Deno.remove(folder, { recursive: true });
  });

  it("says what a call has too much, and takes one IP-Adapter", async () => {
    const call = (options: object) => () => pipe("a cat", { ...few, ...options });
    const embeds = Tensor.zeros([1, 16, 16]);
    await assertRejects(
      call({ ipAdapterImageEmbeds: embeds }),
      TypeError,
      "call loadIpAdapter first",
    );
    const weightName = ["sd3.safetensors", "sd3.safetensors"];
    await assertRejects(() => pipe.loadIpAdapter(FOLDER, { weightName }), RangeError, "takes one");
    await pipe.loadIpAdapter(`${FOLDER}/sd3.safetensors`);
    await assertRejects(call({ ipAdapterImageEmbeds: embeds }), TypeError, "[2, patches, width]");
    const medium = `${FOLDER}/sd3-medium.safetensors`;
    await assertRejects(() => pipe.loadIpAdapter(medium), RangeError, "for 6 attentions");
    await pipe.unloadIpAdapter();
  });
});
