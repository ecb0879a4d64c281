/**
 * Transformers in the layouts of their authors' files, alone and with what ComfyUI puts beside them. The layouts
 * are those that diffusers' own conversion takes (scripts/reference/single_file_transformers.py).
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Model, ModelClass } from "@denoise/core";
import { singleFile } from "@denoise/single-file";
import {
  AnimaModularPipeline,
  AnimaTextConditioner,
  DenoiseError,
  Flux2Pipeline,
  Flux3ModularPipeline,
  FluxPipeline,
  FluxTransformer2DModel,
  Registry,
  registry,
  StableDiffusionPipeline,
  Tensor,
  ZImageControlNetModel,
} from "@denoise/denoise";
import { openSafetensors, readTensor, saveSafetensors, storedTensor } from "@denoise/safetensors";
import { ggufFile } from "./support/gguf_file.ts";
import { fixture, readGolden } from "./support/golden.ts";
import { compareCall, type ModelCall } from "./support/models.ts";
import { original, originalCases as cases, tensorsOf } from "./support/original_files.ts";

Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir());

async function write(tensors: ReadonlyMap<string, Tensor>, type: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: `.${type}` });
  if (type === "safetensors") await saveSafetensors(path, Object.fromEntries(tensors));
  else {
    const stored = [...tensors].map(([name, tensor]) => [name, storedTensor(tensor)] as const);
    await Deno.writeFile(path, await ggufFile(stored, "F32"));
  }
  return path;
}

describe("fromSingleFile() of a transformer", () => {
  for (const { className, folder, layout, beside = [] } of cases) {
    const isTransformer = className !== "AutoencoderDC";
    const before = isTransformer ? "model.diffusion_model." : "vae.";
    const forms = [["safetensors", before], ["safetensors", ""], ["gguf", ""]];
    for (
      const [type, prefix] of (isTransformer ? forms : forms.slice(0, 2)) as [string, string][]
    ) {
      it(`reads ${folder} from .${type} with names after "${prefix}"`, async () => {
        const golden = await readGolden<{ readonly cases: readonly ModelCall[] }>(folder);
        const tensors = await original(fixture(folder), layout, prefix);
        for (const name of beside) tensors.set(prefix + name, Tensor.zeros([1]));
        const file = await write(tensors, type);
        const found = await registry.get(className, "model", "a test");
        const Class = (found as unknown as ModelClass<Model>).using(registry);
        const model = await Class.fromSingleFile(file, { config: fixture(folder) });
        for (const call of golden.head.cases.filter(({ dtype }) => dtype === undefined)) {
          const differences = Object.values(await compareCall(model, call, golden));
          assert(Math.max(...differences) < 1e-4, call.name); // as the model of the folder, models_test.ts
        }
        await model.dispose();
        await Deno.remove(file);
      });
    }
  }

  it("reads files with today's names", async () => {
    const folder = fixture("models/FluxTransformer2DModel/dev");
    const file = `${folder}/diffusion_pytorch_model.safetensors`;
    const model = await FluxTransformer2DModel.fromSingleFile(file, { config: folder });
    assertEquals(model.config.guidance_embeds, true);
    await model.dispose();
  });
});

describe("fromSingleFile() of a ControlNet of Z-Image", () => {
  const folder = fixture("models/ZImageControlNetModel/union2");

  async function tensorsIn(path: string): Promise<Map<string, Tensor>> {
    const { tensors } = await openSafetensors(path);
    const read = async ([name, stored]: [string, Parameters<typeof readTensor>[0]]) =>
      [name, await readTensor(stored)] as const;
    return new Map(await Promise.all([...tensors].map(read)));
  }

  it("leaves out layers that version 2.0 holds and does not use", async () => {
    const own = await tensorsIn(`${folder}/diffusion_pytorch_model.safetensors`);
    const more = [...own].filter(([name]) => name.startsWith("control_layers.0.")).map((
      [name, tensor],
    ) => [name.replace("control_layers", "control_noise_refiner"), tensor] as const);
    const file = await write(new Map([...own, ...more]), "safetensors");
    await using model = await ZImageControlNetModel.fromSingleFile(file, { config: folder });
    assertEquals(model.config.add_control_noise_refiner, "control_layers");
    const saved = await Deno.makeTempDir();
    await model.savePretrained(saved);
    const found = await tensorsIn(`${saved}/diffusion_pytorch_model.safetensors`);
    assertEquals([...found.keys()].sort(), [...own.keys()].sort());
    assert(
      [...own].every(([name, { data }]) => found.get(name)!.data.every((x, i) => x === data[i])),
    );
    await Deno.remove(file);
    await Deno.remove(saved, { recursive: true });
  });

  const versions: [string, Record<string, number>, string][] = [
    ["1.0", { "control_all_x_embedder.2-1.weight": 1 }, "-Union"],
    ["2.0", { "control_layers.14.adaLN_modulation.0.weight": 1 }, "-Union-2.0"],
    ["2.1", {
      "control_layers.14.adaLN_modulation.0.weight": 1,
      "control_noise_refiner.0.before_proj.weight": 1,
    }, "-Union-2.1"],
    ["2.0 with a refiner of zeros", {
      "control_layers.14.adaLN_modulation.0.weight": 1,
      "control_noise_refiner.0.before_proj.weight": 0,
    }, "-Union-2.0"],
  ];
  for (const [version, values, repo] of versions) {
    it(`asks for the config of version ${version}`, async () => {
      const asked: string[] = [];
      const source = {
        name: "a test",
        accepts: () => true,
        fetch: (id: string) => {
          asked.push(id);
          return Promise.reject(new DenoiseError("source_unavailable", "no network"));
        },
      };
      const offline = new Registry({
        sources: [source],
        singleFile: () => Promise.resolve(singleFile),
      });
      const tensors = new Map(Object.entries(values).map(([name, x]) => [name, Tensor.from([x])]));
      const file = await write(tensors, "safetensors");
      await assertRejects(
        () => ZImageControlNetModel.using(offline).fromSingleFile(file),
        DenoiseError,
        "config",
      );
      assertEquals(asked[0]?.endsWith(repo), true, asked[0]);
      await Deno.remove(file);
    });
  }

  for (
    const className of ["FluxControlNetModel", "SD3ControlNetModel", "QwenImageControlNetModel"]
  ) {
    it(`refuses ${className}, which diffusers reads from folders alone`, async () => {
      const Class = await registry.get(className, "model", "a test") as unknown as ModelClass<
        Model
      >;
      const file = `${folder}/diffusion_pytorch_model.safetensors`;
      const error = await assertRejects(
        () => Class.using(registry).fromSingleFile(file),
        DenoiseError,
        className,
      );
      assertEquals(error.code, "unsupported_option");
    });
  }
});

describe("fromSingleFile() of a pipeline with a transformer", () => {
  const repo = fixture("tiny-flux-dev");
  const { layout } = cases.find(({ folder }) => folder.endsWith("FluxTransformer2DModel/dev"))!;
  const call = { height: 32, width: 32, numInferenceSteps: 3, maxSequenceLength: 16, seed: 5 };

  async function draw(file: string): Promise<Uint8Array> {
    await using pipe = await FluxPipeline.fromSingleFile(file, { config: repo });
    return (await pipe("a red apple", call)).images[0]!.data;
  }

  it("takes the other parts from the repo, or from the file where they are in it", async () => {
    await using pipe = await FluxPipeline.fromPretrained(repo);
    const wanted = (await pipe("a red apple", call)).images[0]!.data;
    const alone = await write(await original(`${repo}/transformer`, layout), "safetensors");
    assertEquals(await draw(alone), wanted);

    const all = await original(`${repo}/transformer`, layout, "model.diffusion_model.");
    const add = async (folder: string, prefix: string, change = (x: Tensor) => x) => {
      for (const [name, tensor] of await tensorsOf(`${repo}/${folder}`)) {
        all.set(prefix + name, change(tensor));
      }
    };
    await add("text_encoder", "text_encoders.clip_l.transformer.text_model.");
    await add("text_encoder_2", "text_encoders.t5xxl.transformer.");
    await add("vae", "vae.");
    assertEquals(await draw(await write(all, "safetensors")), wanted);
    // what the file has counts, and not what the repo has
    await add("vae", "vae.", (x) => x.mul(0.5));
    assert((await draw(await write(all, "safetensors"))).some((x, i) => x !== wanted[i]));
  });

  for (const type of ["safetensors", "gguf"]) {
    it(`makes FLUX.2 dev of a .${type} and a repo's other parts`, async () => {
      const folder = fixture("tiny-flux2-dev");
      const own = cases.find(({ folder }) => folder.endsWith("Flux2Transformer2DModel/dev"))!;
      const file = await write(await original(`${folder}/transformer`, own.layout), type);
      await using alone = await Flux2Pipeline.fromSingleFile(file, { config: folder });
      await using whole = await Flux2Pipeline.fromPretrained(folder);
      const small = { height: 32, width: 32, numInferenceSteps: 2, seed: 5 };
      const [made, wanted] = [await alone("a red apple", small), await whole("a red apple", small)];
      const apart = made.images[0]!.data.map((x, i) => Math.abs(x - wanted.images[0]!.data[i]!));
      assert(Math.max(...apart) <= 1);
    });
  }

  it("takes the usual scheduler where the repo names none", async () => {
    const folder = fixture("tiny-flux3");
    const own = cases.find(({ folder }) => folder.endsWith("Flux3Transformer2DModel/base"))!;
    const file = await write(await original(`${folder}/transformer`, own.layout), "safetensors");
    await using alone = await Flux3ModularPipeline.fromSingleFile(file, { config: folder });
    await using whole = await Flux3ModularPipeline.fromPretrained(folder);
    const small = { height: 32, width: 32, numInferenceSteps: 2, seed: 5 };
    const [made, wanted] = [await alone("a red apple", small), await whole("a red apple", small)];
    assertEquals(made.images[0]!.data, wanted.images[0]!.data);
  });

  for (const prefix of ["net.", "model.diffusion_model.", ""]) {
    it(`makes Anima of a file with names after "${prefix}", which holds its words' states too`, async () => {
      const folder = fixture("tiny-anima");
      const own = cases.find(({ folder }) => folder.endsWith("CosmosTransformer3DModel/anima"))!;
      const all = await original(`${folder}/transformer`, own.layout, prefix);
      const draw = async (pipe: AnimaModularPipeline) => {
        const small = { height: 32, width: 32, numInferenceSteps: 2, seed: 5 };
        return (await pipe("a red apple", small)).images[0]!.data;
      };
      await using whole = await AnimaModularPipeline.fromPretrained(folder);
      const wanted = await draw(whole);
      const words = await tensorsOf(`${folder}/text_conditioner`);
      for (const factor of [1, 0.5]) { // what the file has counts, and not what the repo has
        for (const [name, tensor] of words) {
          all.set(`${prefix}llm_adapter.${name}`, tensor.mul(factor));
        }
        const file = await write(all, "safetensors");
        await using alone = await AnimaModularPipeline.fromSingleFile(file, { config: folder });
        const made = await draw(alone);
        assertEquals(made.every((x, i) => x === wanted[i]), factor === 1);
        const conditioner = await AnimaTextConditioner.fromSingleFile(file, { config: folder });
        assertEquals(conditioner.config.num_layers, 2);
        await conditioner.dispose();
        await Deno.remove(file);
      }
    });
  }

  it("says what is missing where the repo cannot be had", async () => {
    const file = await write(await original(`${repo}/transformer`, layout), "safetensors");
    const unreachable = {
      name: "a test",
      accepts: () => true,
      fetch: () => Promise.reject(new DenoiseError("source_unavailable", "no network")),
    };
    const offline = new Registry({
      sources: [unreachable],
      singleFile: () => Promise.resolve(singleFile),
    });
    const error = await assertRejects(
      () => FluxPipeline.fromSingleFile(file, { registry: offline }),
      DenoiseError,
    );
    assertEquals(error.code, "source_unavailable");
    assert(error.message.includes("black-forest-labs/FLUX.1-dev"));
    assert(error.message.includes("{ config }"));
  });

  it("refuses the file of another family", async () => {
    const file = await write(await original(`${repo}/transformer`, layout), "safetensors");
    await assertRejects(
      () =>
        StableDiffusionPipeline.fromSingleFile(file, { config: fixture("tiny-stable-diffusion") }),
      DenoiseError,
    );
  });
});
