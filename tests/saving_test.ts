/**
 * Pipelines put together from parts and saved: diffusers loads them and makes the same images.
 * Needs the reference: `DENOISE_REFERENCE_PYTHON=$(sh scripts/reference/setup.sh)`.
 *
 * @module
 */
import { beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  DenoiseError,
  Generator,
  type JsonObject,
  type PipelineClass,
  type PluginClass,
  type SaveOptions,
} from "@denoise/core";
import { shardBytes } from "@denoise/safetensors";
import type { AnyPipeline } from "@denoise/loading";
import {
  AutoPipelineForText2Image,
  DenoiseImage,
  DiffusionPipeline,
  registry,
  UNet2DModel,
} from "@denoise/denoise";
import { referenceLines } from "../scripts/reference/python.ts";
import { assertWithin, camelKeys, fixture } from "./support/golden.ts";

interface Made {
  readonly class: string;
  readonly shape: readonly number[];
  readonly data: string;
}

// A rounding at the edge between two values of 255 may fall on either side.
const PIXEL = 1;
const TEXT = { prompt: "a red apple", num_inference_steps: 4 };
const RAMP = new Uint8Array(32 * 32 * 3).map((_, i) => i % 251);
const LEFT = new Uint8Array(32 * 32).map((_, i) => i % 32 < 16 ? 255 : 0);
const IMAGES: Readonly<Record<string, DenoiseImage>> = {
  "ramp": new DenoiseImage(32, 32, 3, RAMP),
  "left half": new DenoiseImage(32, 32, 1, LEFT),
};
const CASES: readonly (readonly [
  className: string,
  repo: string,
  call: object,
  options?: SaveOptions,
])[] = [
  ["StableDiffusionPipeline", "tiny-stable-diffusion", { ...TEXT, height: 32, width: 32 }],
  ["StableDiffusionImg2ImgPipeline", "tiny-stable-diffusion-2", { ...TEXT, image: "ramp" }],
  [
    "StableDiffusionInpaintPipeline",
    "tiny-stable-diffusion",
    { ...TEXT, image: "ramp", mask_image: "left half", height: 32, width: 32 },
  ],
  ["StableDiffusionXLPipeline", "tiny-stable-diffusion-xl", TEXT],
  [
    "StableDiffusionXLImg2ImgPipeline",
    "tiny-stable-diffusion-xl-refiner",
    { ...TEXT, image: "ramp", strength: 0.6 },
  ],
  ["LatentConsistencyModelPipeline", "tiny-lcm", TEXT],
  ["DDPMPipeline", "tiny-ddpm", { num_inference_steps: 5 }],
  ["DDPMPipeline", "tiny-ddpm-sharded", { num_inference_steps: 5 }, { maxShardSize: "10KB" }],
  ["StableDiffusionXLPipeline", "tiny-stable-diffusion-xl", TEXT, { maxShardSize: 20_000 }],
  ["StableDiffusionPipeline", "tiny-stable-diffusion", TEXT, { variant: "fp16" }],
  ["StableDiffusionPipeline", "tiny-stable-diffusion", TEXT, {
    variant: "ema",
    maxShardSize: "30KB",
  }],
  // text encoders whose files hold more than what reads texts
  ["QwenImagePipeline", "tiny-qwen-image", { ...TEXT, height: 32, width: 32 }],
  ["Krea2Pipeline", "tiny-krea2", { ...TEXT, height: 32, width: 32 }],
  ["ErnieImagePipeline", "tiny-ernie-image", { ...TEXT, height: 32, width: 32 }],
];

/** What pipelines have beside components. */
const SETTINGS = [
  "requires_safety_checker",
  "requires_aesthetics_score",
  "force_zeros_for_empty_prompt",
  "text_encoder_select_layers",
];

/** The class of a pipeline that was loaded, over its parts. */
async function assemble(className: string, repo: string): Promise<AnyPipeline> {
  const { components, config } = await DiffusionPipeline.fromPretrained(fixture(repo), {
    onWarning: () => {},
  });
  const found: PluginClass = await registry.get(className, "pipeline", "a test");
  const Class = (found as PipelineClass<Record<string, unknown>, unknown[], unknown>)
    .using(registry);
  const given = SETTINGS.filter((name) => Object.hasOwn(config, name))
    .map((name) => [name, (config as JsonObject)[name]]);
  return new Class(
    { ...components },
    Object.fromEntries(given) as JsonObject,
  ) as unknown as AnyPipeline;
}

function differenceOf(made: Made, data: Uint8Array): number {
  const bytes = Uint8Array.fromBase64(made.data);
  if (bytes.length !== data.length) return Infinity;
  return bytes.reduce((most, byte, i) => Math.max(most, Math.abs(byte - data[i]!)), 0);
}

const ignore = Deno.env.get("DENOISE_REFERENCE_PYTHON") === undefined;

/** What a call of the reference is given, as a pipeline here takes it. */
async function make(pipe: AnyPipeline, call: object): Promise<Uint8Array> {
  const { prompt, ...rest } = call as { prompt?: string };
  const given = Object.entries(camelKeys(rest))
    .map(([key, value]) => [key, IMAGES[value as string] ?? value]);
  const options = { ...Object.fromEntries(given), generator: new Generator(3) };
  const { images } = prompt === undefined ? await pipe(options) : await pipe(prompt, options);
  return images[0]!.data;
}

describe({
  name: "new Pipeline(parts).savePretrained() is loaded by diffusers, with the same images",
  ignore,
  fn() {
    const own: Uint8Array[] = [];
    let theirs: Made[] = [];
    beforeAll(async () => {
      const root = await Deno.makeTempDir({ prefix: "denoise-" });
      const args: string[] = [];
      for (const [i, [className, repo, call, options]] of CASES.entries()) {
        const pipe = await assemble(className, repo);
        const folder = `${root}/${i}`;
        await pipe.savePretrained(folder, options);
        own.push(await make(pipe, call));
        await pipe.dispose();
        args.push(folder, JSON.stringify({ ...call, variant: options?.variant }));
      }
      theirs = await Array.fromAsync(referenceLines<Made>("saved.py", args));
      await Deno.remove(root, { recursive: true });
    });
    for (const [i, [className, repo, _, options]] of CASES.entries()) {
      const how = options === undefined ? "" : ` with ${JSON.stringify(options)}`;
      it(`${className} of the parts of ${repo}${how}`, () => {
        assertEquals(theirs[i]!.class, className);
        assertWithin(differenceOf(theirs[i]!, own[i]!), PIXEL, "pixels");
      });
    }
  },
});

describe("savePretrained() of a pipeline made with fromPipe()", () => {
  it("gives a folder that loads as that class", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-stable-diffusion"), {
      onWarning: () => {},
    });
    const text = await AutoPipelineForText2Image.fromPipe(pipe);
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await text.savePretrained(folder);
    const again = await DiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    assertEquals(again.className, "StableDiffusionPipeline");
    const options = { numInferenceSteps: 2, seed: 1, height: 32, width: 32 };
    const [first, second] = await Promise.all([pipe("a cat", options), again("a cat", options)]);
    assertEquals(first.images[0]!.data, second.images[0]!.data);
    await Promise.all([pipe.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });
});

/** The names of the files in a folder. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name).sort();
}

const STEM = "diffusion_pytorch_model";
const shard = (i: number, of: number, middle = "") =>
  `${STEM}${middle}-0000${i}-of-0000${of}.safetensors`;

describe("savePretrained() of a model with maxShardSize", () => {
  it("writes shards and an index, as the reference did, and loads them", async () => {
    const original = fixture("tiny-ddpm-sharded/unet");
    const unet = await UNet2DModel.fromPretrained(original);
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await unet.savePretrained(folder, { maxShardSize: "20KB" });
    const rules = (name: string) => name.endsWith(".rules"); // from which fixtures are made
    const wanted = (await filesOf(original)).filter((name) => !rules(name));
    assertEquals(await filesOf(folder), wanted);
    const read = async (path: string) =>
      JSON.parse(await Deno.readTextFile(`${path}/${STEM}.safetensors.index.json`));
    const [ours, theirs] = [await read(folder), await read(original)];
    assertEquals(ours.metadata, theirs.metadata);
    assertEquals(Object.keys(ours.weight_map), Object.keys(theirs.weight_map));
    for (const name of (await filesOf(folder)).filter((name) => name.endsWith(".safetensors"))) {
      const { size } = await Deno.stat(`${folder}/${name}`);
      const header = new DataView((await Deno.readFile(`${folder}/${name}`)).buffer);
      assert(size - 8 - Number(header.getBigUint64(0, true)) <= 20_000);
    }
    const again = await UNet2DModel.fromPretrained(folder);
    const sample = new Generator(1).randn([1, 3, 16, 16]);
    const [first, second] = await Promise.all([unet, again].map((net) => net.forward(sample, 5)));
    assertEquals(first!.sample.data, second!.sample.data);
    await Promise.all([unet.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });

  it("leaves nothing of an earlier save of the same variant, and its own files in use", async () => {
    const unet = await UNet2DModel.fromPretrained(fixture("tiny-ddpm-sharded/unet"));
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const single = ["config.json", `${STEM}.safetensors`];
    const three = [1, 2, 3].map((i) => shard(i, 3));
    await unet.savePretrained(folder, { maxShardSize: "20KB" });
    await unet.savePretrained(folder);
    assertEquals(await filesOf(folder), single);
    await unet.savePretrained(folder, { maxShardSize: "20KB" });
    assertEquals(
      await filesOf(folder),
      [...three, `${STEM}.safetensors.index.json`, "config.json"].sort(),
    );
    await unet.savePretrained(folder, { variant: "fp16" });
    assert((await filesOf(folder)).includes(three[0]!), "other variants stay");
    await unet.savePretrained(folder, { variant: "fp16", maxShardSize: 20_000 });
    const fp16 = (await filesOf(folder)).filter((name) => name.includes("fp16"));
    assertEquals(
      fp16,
      [...[1, 2, 3].map((i) => shard(i, 3, ".fp16")), `${STEM}.safetensors.index.fp16.json`].sort(),
    );

    const again = await UNet2DModel.fromPretrained(folder, { variant: "fp16" });
    await again.savePretrained(folder, { variant: "fp16" });
    assert((await filesOf(folder)).includes(fp16[0]!), "it is read from these");
    await Promise.all([unet.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });

  it("into the folder that it was loaded from leaves it as it was", async () => {
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const original = fixture("tiny-ddpm-sharded/unet");
    for (const name of await filesOf(original)) {
      await Deno.copyFile(`${original}/${name}`, `${folder}/${name}`);
    }
    const unet = await UNet2DModel.fromPretrained(folder);
    const sample = new Generator(1).randn([1, 3, 16, 16]);
    const { sample: before } = await unet.forward(sample, 5);
    for (const maxShardSize of ["20KB", "30KB", "1MB", "20KB"]) {
      await unet.savePretrained(folder, { maxShardSize });
      await unet.dispose(); // its next session reads the weights again
      assertEquals((await unet.forward(sample, 5)).sample.data, before.data, maxShardSize);
    }
    const again = await UNet2DModel.fromPretrained(folder);
    assertEquals((await again.forward(sample, 5)).sample.data, before.data);
    await Promise.all([unet.dispose(), again.dispose()]);
    await Deno.remove(folder, { recursive: true });
  });

  it("gives a tensor that is too large a file of its own", async () => {
    const unet = await UNet2DModel.fromPretrained(fixture("tiny-ddpm-sharded/unet"));
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    await unet.savePretrained(folder, { maxShardSize: 1 });
    const again = await UNet2DModel.fromPretrained(folder);
    assertEquals(again.numParameters, unet.numParameters);
    await Deno.remove(folder, { recursive: true });
  });

  it("refuses pickles, sizes and variants that cannot be, and writes nothing then", async () => {
    const pipe = await DiffusionPipeline.fromPretrained(fixture("tiny-ddpm"));
    const folder = `${await Deno.makeTempDir({ prefix: "denoise-" })}/new`;
    const refused = (options: SaveOptions, said: string, error: new (...args: never[]) => Error) =>
      assertRejects(() => pipe.savePretrained(folder, options), error as never, said);
    await refused({ safeSerialization: false }, "safeSerialization false", DenoiseError);
    await refused({ maxShardSize: "big" }, 'files of "big"', RangeError);
    await refused({ maxShardSize: 0 }, "files of 0", RangeError);
    await refused({ variant: "../x" }, 'variant "../x"', RangeError);
    await refused({ variant: "" }, 'variant ""', RangeError);
    await assertRejects(() => Deno.stat(folder), Deno.errors.NotFound);
    assertThrows(() => shardBytes("5PB"), RangeError, "TB, GB, MB or KB");
    assertEquals(shardBytes(), 10_000_000_000);
    await pipe.dispose();
  });
});
