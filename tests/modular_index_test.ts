/**
 * Repos that name blocks of diffusers in modular_model_index.json are read as the pipelines that do the same work, with
 * what the blocks have where a call leaves it out.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import {
  AutoPipelineForImage2Image,
  AutoPipelineForInpainting,
  DenoiseError,
  DiffusionPipeline,
  Tensor,
} from "@denoise/denoise";
import { fixture } from "./support/golden.ts";

const folders: string[] = [];

/** A folder whose index names blocks, over the components of a repo. */
async function blocksOf(repo: string, className: string, settings: object = {}): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "denoise-" });
  folders.push(folder);
  const index = JSON.parse(await Deno.readTextFile(`${fixture(repo)}/model_index.json`));
  const roles = Object.entries(index).flatMap(([role, entry]) => {
    if (!Array.isArray(entry) || entry.length !== 2 || entry[0] === null) return [];
    const where = { pretrained_model_name_or_path: "tiny/repo", subfolder: role, type_hint: entry };
    return [[role, [...entry, where]]];
  });
  for (const [role] of roles) {
    await Deno.symlink(`${fixture(repo)}/${role}`, `${folder}/${role}`);
  }
  const written = { _class_name: className, ...settings, ...Object.fromEntries(roles) };
  await Deno.writeTextFile(`${folder}/modular_model_index.json`, JSON.stringify(written));
  return folder;
}

const QUIET = { onWarning: () => {} };
const CASES = [
  ["tiny-z-image", "ZImageModularPipeline", "ZImagePipeline", {
    ...{ numInferenceSteps: 8, guidanceScale: 0 },
  }],
  ["tiny-qwen-image", "QwenImageModularPipeline", "QwenImagePipeline", {
    ...{ numInferenceSteps: 50, negativePrompt: "", trueCfgScale: 4 },
  }],
  ["tiny-qwen-image-edit", "QwenImageEditModularPipeline", "QwenImageEditPipeline", {
    negativePrompt: " ",
  }],
  ["tiny-krea2", "Krea2TurboModularPipeline", "Krea2Pipeline", {
    ...{ numInferenceSteps: 8, guidanceScale: 0 },
  }],
  ["tiny-krea2", "Krea2ModularPipeline", "Krea2Pipeline", {
    ...{ numInferenceSteps: 28, guidanceScale: 4.5 },
  }],
  ["tiny-sd3", "StableDiffusion3ModularPipeline", "StableDiffusion3Pipeline", {
    ...{ numInferenceSteps: 50, guidanceScale: 7 },
  }],
  ["tiny-flux-dev", "FluxModularPipeline", "FluxPipeline", {
    ...{ numInferenceSteps: 50, guidanceScale: 3.5 },
  }],
  ["tiny-flux-dev", "FluxKontextModularPipeline", "FluxKontextPipeline", {
    ...{ numInferenceSteps: 50, guidanceScale: 3.5 },
  }],
  ["tiny-stable-diffusion-xl", "StableDiffusionXLModularPipeline", "StableDiffusionXLPipeline", {
    ...{ numInferenceSteps: 50, guidanceScale: 7.5 },
  }],
  ["tiny-ernie-image", "ErnieImageModularPipeline", "ErnieImagePipeline", { guidanceScale: 4 }],
] as const;

describe("a modular_model_index.json", () => {
  afterAll(async () => {
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  });

  for (const [repo, blocks, className, defaults] of CASES) {
    it(`that names ${blocks} is read as ${className}, with its defaults`, async () => {
      await using pipe = await DiffusionPipeline.fromPretrained(
        await blocksOf(repo, blocks),
        QUIET,
      );
      assertEquals(pipe.className, className);
      const names = Object.keys(defaults);
      const found = names.map((name) => [name, pipe.defaults[name]]);
      assertEquals(Object.fromEntries(found), { ...defaults });
    });
  }

  it("says what the others of a family have, too, and its own defaults count before", async () => {
    const folder = await blocksOf("tiny-z-image", "ZImageModularPipeline", {
      _defaults: { num_inference_steps: 9 },
    });
    for (const auto of [AutoPipelineForImage2Image, AutoPipelineForInpainting]) {
      await using pipe = await auto.fromPretrained(folder, QUIET);
      const { numInferenceSteps, guidanceScale } = pipe.defaults as Record<string, unknown>;
      assertEquals([numInferenceSteps, guidanceScale], [9, 0]);
    }
  });

  it("names the folder that a copy on disk lacks, and asks no other place for it", async () => {
    const folder = await blocksOf("tiny-z-image", "ZImageModularPipeline");
    await Deno.remove(`${folder}/tokenizer`);
    await assertRejects(
      () => DiffusionPipeline.fromPretrained(folder, QUIET),
      DenoiseError,
      `Cannot load a tokenizer from "${folder}/tokenizer"`,
    );
  });

  it("of Qwen-Image-Edit names a processor alone, in whose folder its tokenizer lies", async () => {
    const folder = await blocksOf("tiny-qwen-image-edit", "QwenImageEditModularPipeline");
    const path = `${folder}/modular_model_index.json`;
    const { tokenizer: _, ...index } = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify(index));
    for (const role of ["tokenizer", "processor"]) await Deno.remove(`${folder}/${role}`);
    await Deno.mkdir(`${folder}/processor`);
    for (const role of ["tokenizer", "processor"]) {
      for await (const { name } of Deno.readDir(`${fixture("tiny-qwen-image-edit")}/${role}`)) {
        const own = `${fixture("tiny-qwen-image-edit")}/${role}/${name}`;
        await Deno.symlink(own, `${folder}/processor/${name}`);
      }
    }
    const call = {
      image: Tensor.full([1, 3, 32, 32], 0.5),
      ...{ height: 32, width: 32, seed: 3, numInferenceSteps: 2, negativePrompt: " " },
    };
    await using pipe = await DiffusionPipeline.fromPretrained(folder, QUIET);
    await using whole = await DiffusionPipeline.fromPretrained(
      fixture("tiny-qwen-image-edit"),
      QUIET,
    );
    const [{ images }, { images: wanted }] = [
      await pipe("a red apple", call),
      await whole("a red apple", call),
    ];
    assertEquals(images[0]!.data, wanted[0]!.data);
  });

  it("of Stable Diffusion 3 guides where there is a negative prompt alone, as its blocks do", async () => {
    const folder = await blocksOf("tiny-sd3", "StableDiffusion3ModularPipeline");
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    await using pipe = await DiffusionPipeline.fromPretrained(folder, { onWarning });
    await using whole = await DiffusionPipeline.fromPretrained(fixture("tiny-sd3"), QUIET);
    const call = { height: 32, width: 32, seed: 3, numInferenceSteps: 2, maxSequenceLength: 16 };
    const made = async (one: typeof pipe, more: object) =>
      (await one("a red apple", { ...call, ...more })).images[0]!.data;
    assertEquals(await made(pipe, {}), await made(whole, { guidanceScale: 1 }));
    assertEquals(warnings.filter((text) => text.includes("no negativePrompt")).length, 1);
    assertEquals(await made(pipe, { negativePrompt: "" }), await made(whole, {}));
    const saved = await Deno.makeTempDir({ prefix: "denoise-" });
    folders.push(saved);
    await pipe.savePretrained(saved);
    await using again = await DiffusionPipeline.fromPretrained(saved, QUIET);
    assertEquals(await made(again, {}), await made(pipe, {}));
  });

  it("makes Krea 2 Turbo of its blocks, whose steps are shifted by one and the same", async () => {
    const call = { height: 32, width: 32, seed: 3 };
    const select = { text_encoder_select_layers: [1, 2, 4] };
    await using pipe = await DiffusionPipeline.fromPretrained(
      await blocksOf("tiny-krea2", "Krea2TurboModularPipeline", select),
      QUIET,
    );
    await using whole = await DiffusionPipeline.fromPretrained(
      await blocksOf("tiny-krea2", "Krea2Pipeline", { ...select, is_distilled: true }),
      QUIET,
    );
    const [{ images }, { images: wanted }] = await Promise.all([
      pipe("a red apple", call),
      whole("a red apple", { ...call, numInferenceSteps: 8, guidanceScale: 0 }),
    ]);
    assertEquals(images[0]!.data, wanted[0]!.data);
  });
});
