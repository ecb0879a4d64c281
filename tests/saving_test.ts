/**
 * Pipelines put together from parts and saved: diffusers loads them and makes the same pictures.
 * Needs the reference: `DENOISE_REFERENCE_PYTHON=$(sh scripts/reference/setup.sh)`.
 *
 * @module
 */
import { beforeAll, describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import {
  type AnyPipeline,
  Generator,
  type JsonObject,
  type PipelineClass,
  type PluginClass,
} from "@denoise/core";
import {
  AutoPipelineForText2Image,
  DenoiseImage,
  DiffusionPipeline,
  registry,
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
const PICTURES: Readonly<Record<string, DenoiseImage>> = {
  "ramp": new DenoiseImage(32, 32, 3, RAMP),
  "left half": new DenoiseImage(32, 32, 1, LEFT),
};
const CASES: readonly (readonly [className: string, repo: string, call: object])[] = [
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
];

/** The class of a pipeline that was loaded, over its parts. */
async function assemble(className: string, repo: string): Promise<AnyPipeline> {
  const { components, config } = await DiffusionPipeline.fromPretrained(fixture(repo), {
    onWarning: () => {},
  });
  const found: PluginClass = await registry.get(className, "pipeline", "a test");
  const Class = (found as PipelineClass<Record<string, unknown>, unknown[], unknown>)
    .using(registry);
  const { requires_safety_checker, requires_aesthetics_score, force_zeros_for_empty_prompt } =
    config as Record<string, boolean>;
  const settings = {
    requires_safety_checker,
    requires_aesthetics_score,
    force_zeros_for_empty_prompt,
  };
  const given = Object.entries(settings).filter(([_, value]) => value !== undefined);
  return new Class(components, Object.fromEntries(given) as JsonObject) as unknown as AnyPipeline;
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
    .map(([key, value]) => [key, PICTURES[value as string] ?? value]);
  const options = { ...Object.fromEntries(given), generator: new Generator(3) };
  const { images } = prompt === undefined ? await pipe(options) : await pipe(prompt, options);
  return images[0]!.data;
}

describe({
  name: "new Pipeline(parts).savePretrained() is loaded by diffusers, with the same pictures",
  ignore,
  fn() {
    const own: Uint8Array[] = [];
    let theirs: Made[] = [];
    beforeAll(async () => {
      const root = await Deno.makeTempDir({ prefix: "denoise-" });
      const args: string[] = [];
      for (const [className, repo, call] of CASES) {
        const pipe = await assemble(className, repo);
        const folder = `${root}/${className}`;
        await pipe.savePretrained(folder);
        own.push(await make(pipe, call));
        await pipe.dispose();
        args.push(folder, JSON.stringify(call));
      }
      theirs = await Array.fromAsync(referenceLines<Made>("saved.py", args));
      await Deno.remove(root, { recursive: true });
    });
    for (const [i, [className, repo]] of CASES.entries()) {
      it(`${className} of the parts of ${repo}`, () => {
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
