/**
 * Original checkpoints in one file against diffusers, and what is said to other files.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ImageOutput, PipelineClass, PluginClass, Source } from "@denoise/core";
import { imageCodec } from "@denoise/image";
import type { AnyPipeline } from "@denoise/loading";
import { singleFile } from "@denoise/single-file";
import {
  AutoencoderKL,
  CLIPTextModel,
  CLIPTextModelWithProjection,
  CLIPTokenizer,
  DenoiseError,
  EulerDiscreteScheduler,
  PNDMScheduler,
  Registry,
  registry,
  StableDiffusionImg2ImgPipeline,
  StableDiffusionPipeline,
  StableDiffusionXLImg2ImgPipeline,
  Tensor,
  UNet2DConditionModel,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import { fixture, type Golden, readGolden } from "./support/golden.ts";
import { pixelDifference } from "./support/pipelines.ts";
import { copyAsTorch } from "./support/torch_file.ts";

interface Case {
  readonly name: string;
  readonly repo: string;
  readonly pipeline: string;
}

type AnyClass = PipelineClass<object, unknown[], ImageOutput>;

const golden: Golden<{ readonly cases: readonly Case[] }> = await readGolden("single_file");
const CALL = { numInferenceSteps: 3, seed: 5 };

function file(name: string): string {
  return fixture(`single_file/${name}.safetensors`);
}

/** A registry with one source. */
function registryOf(plugins: readonly PluginClass[], source: Source): Registry {
  return new Registry({
    plugins,
    sources: [source],
    images: () => Promise.resolve(imageCodec),
    singleFile: () => Promise.resolve(singleFile),
  });
}

async function load({ name, repo, pipeline }: Case): Promise<AnyPipeline> {
  const found = await registry.get(pipeline, "pipeline", "a test") as unknown as AnyClass;
  const Class = found.using(registry);
  const pipe = await Class.fromSingleFile(file(name), { config: fixture(repo) });
  return pipe as unknown as AnyPipeline;
}

describe("fromSingleFile()", () => {
  for (const one of golden.head.cases) {
    it(`gives the images of diffusers from ${one.name}`, async () => {
      const pipe = await load(one);
      const image = Tensor.full([1, 3, 32, 32], 128 / 255);
      const more = one.pipeline.includes("Img2Img") ? { image, strength: 0.9 } : {};
      const output = await pipe("a red apple", { ...CALL, ...more });
      // a rounding may fall on either side
      assert(pixelDifference(output, golden.tensors.get(one.name)!.unsqueeze(0)) <= 1);
      await pipe.dispose();
    });
  }

  it("takes another pipeline, and components in the place of the file's", async () => {
    const config = fixture("tiny-stable-diffusion");
    const { vae } = await StableDiffusionPipeline.fromPretrained(config);
    const pipe = await StableDiffusionImg2ImgPipeline.fromSingleFile(file("sd1"), { config, vae });
    assertEquals(pipe.vae, vae);
    assertEquals(pipe.safetyChecker, null);
    const image = Tensor.zeros([1, 3, 32, 32]).add(0.5);
    assertEquals((await pipe("a cat", { ...CALL, image })).images.length, 1);
    await pipe.dispose();
  });

  it("is saved as a repo that loads again", async () => {
    const pipe = await load(golden.head.cases.find(({ name }) => name === "sd2")!);
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await pipe.savePretrained(folder);
    const again = await StableDiffusionPipeline.fromPretrained(folder);
    const output = await again("a red apple", CALL);
    assert(pixelDifference(output, golden.tensors.get("sd2")!.unsqueeze(0)) <= 1);
    await Promise.all([pipe.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });

  it("reads a .ckpt file in place, and gives the same image", async () => {
    const config = fixture("tiny-stable-diffusion");
    const path = await Deno.makeTempFile({ suffix: ".ckpt" });
    await copyAsTorch(file("sd1"), path, "state_dict");
    const pipe = await StableDiffusionPipeline.fromSingleFile(path, { config });
    const output = await pipe("a red apple", CALL);
    assert(pixelDifference(output, golden.tensors.get("sd1")!.unsqueeze(0)) <= 1);
    await pipe.dispose();
    await Deno.remove(path);
  });

  it("refuses parts of models, damaged files, and files that are not there", async () => {
    const config = fixture("tiny-stable-diffusion");
    const page = await Deno.makeTempFile({ suffix: ".ckpt" });
    await Deno.writeTextFile(page, "<html>Not found</html>");
    const pickle = await assertRejects(
      () => StableDiffusionPipeline.fromSingleFile(page, { config }),
      DenoiseError,
    );
    assertEquals(pickle.code, "pickle_refused");
    await Deno.remove(page);
    const missing = await assertRejects(
      () => StableDiffusionPipeline.fromSingleFile("./model.safetensors", { config }),
      DenoiseError,
    );
    assertEquals(missing.code, "missing_file");
    const unet = `${config}/unet/diffusion_pytorch_model.safetensors`;
    const part = await assertRejects(
      () => StableDiffusionPipeline.fromSingleFile(unet, { config }),
      DenoiseError,
    );
    assertEquals(part.code, "unexpected_tensor");
  });

  it("names what a checkpoint lacks", async () => {
    const config = fixture("tiny-stable-diffusion");
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    const { tensors } = await openSafetensors(file("sd1"));
    const without = async (pattern: RegExp) => {
      const kept = [...tensors].filter(([name]) => !pattern.test(name));
      const read = await Promise.all(
        kept.map(async ([name, stored]) => [name, await readTensor(stored)] as const),
      );
      await saveSafetensors(path, Object.fromEntries(read));
    };
    const fails = () =>
      assertRejects(() => StableDiffusionPipeline.fromSingleFile(path, { config }), DenoiseError);
    await without(/^first_stage_model\./);
    assertEquals((await fails()).message.includes("pass it as { vae }"), true);
    await without(/input_blocks\.1\.0\.in_layers\.2\.weight/);
    const error = await fails();
    assertEquals(error.code, "missing_tensor");
    assert(error.message.includes("down_blocks.0.resnets.0.conv1.weight"));
    await Deno.remove(path);
  });

  it("asks for the configs of the kind of model", async () => {
    const asked: string[] = [];
    const source = {
      name: "a test",
      accepts: () => true,
      fetch: (id: string) => {
        asked.push(id);
        return Promise.resolve({ id, path: fixture("tiny-stable-diffusion") });
      },
    };
    const plugins = [
      AutoencoderKL,
      CLIPTextModel,
      CLIPTokenizer,
      PNDMScheduler,
      UNet2DConditionModel,
    ];
    const other = registryOf(plugins, source);
    const pipe = await StableDiffusionPipeline.fromSingleFile(file("sd1"), { registry: other });
    assertEquals([...new Set(asked)], ["stable-diffusion-v1-5/stable-diffusion-v1-5"]);
    assertEquals((await pipe("a red apple", CALL)).images.length, 1);
    await pipe.dispose();
  });

  it("knows the refiner of Stable Diffusion XL by its one text encoder", async () => {
    // a checkpoint of full depth is known by its tenth layer, which the tiny one lacks
    const { tensors } = await openSafetensors(file("refiner"));
    const all = await Promise.all(
      [...tensors].map(async ([name, stored]) => [name, await readTensor(stored)] as const),
    );
    const deep = "conditioner.embedders.0.model.transformer.resblocks.9.mlp.c_proj.bias";
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    await saveSafetensors(path, { ...Object.fromEntries(all), [deep]: Tensor.zeros([1]) });
    const asked: string[] = [];
    const source = {
      name: "a test",
      accepts: () => true,
      fetch: (id: string) => {
        asked.push(id);
        return Promise.resolve({ id, path: fixture("tiny-stable-diffusion-xl-refiner") });
      },
    };
    const plugins = [
      AutoencoderKL,
      CLIPTextModelWithProjection,
      CLIPTokenizer,
      EulerDiscreteScheduler,
      UNet2DConditionModel,
    ];
    const other = registryOf(plugins, source);
    const pipe = await StableDiffusionXLImg2ImgPipeline.fromSingleFile(path, { registry: other });
    assertEquals([...new Set(asked)], ["stabilityai/stable-diffusion-xl-refiner-1.0"]);
    assertEquals([pipe.textEncoder, pipe.tokenizer], [null, null]);
    assertEquals((pipe.config as Record<string, unknown>).requires_aesthetics_score, true);
    await pipe.dispose();
    await Deno.remove(path);
  });

  it("says so when the config is of another model", async () => {
    const error = await assertRejects(
      () =>
        StableDiffusionPipeline.fromSingleFile(file("sd1"), {
          config: fixture("tiny-stable-diffusion-2"),
        }),
      DenoiseError,
    );
    assert(["missing_tensor", "unexpected_tensor"].includes(error.code));
  });
});
