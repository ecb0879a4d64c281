/**
 * Repos with a modular_model_index.json, as `ModularPipeline.save_pretrained` of diffusers 0.42.1 writes it.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { type ImageOutput, type JsonObject, Registry } from "@denoise/core";
import { DenoiseError, DiffusionPipeline, Flux2KleinPipeline } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { hub, inspect } from "@denoise/hub";
import { filesBelow } from "../support/folder.ts";
import { linkedParts } from "../support/linked_parts.ts";
import { fixture } from "../support/golden.ts";
import { HubServer } from "../support/hub_server.ts";
import { tempCache } from "../support/temp_cache.ts";

const call = {
  height: 32,
  width: 32,
  numInferenceSteps: 2,
  maxSequenceLength: 64,
  seed: 3,
} as const;

/** A component as it stands in the index. */
function entry(
  library: string,
  className: string,
  repo: string | null,
  subfolder: string,
  more: JsonObject = {},
): [string, string, JsonObject] {
  const where = { revision: null, variant: null, type_hint: [library, className], ...more };
  return [library, className, { pretrained_model_name_or_path: repo, subfolder, ...where }];
}

/** The index of FLUX.2 klein with its components in those repos. */
function index(
  { repo = "me/klein", vae = repo, className = "Flux2KleinModularPipeline" }: {
    repo?: string;
    vae?: string | null;
    className?: string;
  } = {},
): string {
  return JSON.stringify({
    _blocks_class_name: "Flux2KleinAutoBlocks",
    _class_name: className,
    _diffusers_version: "0.42.1",
    is_distilled: true,
    scheduler: entry("diffusers", "FlowMatchEulerDiscreteScheduler", repo, "scheduler"),
    text_encoder: entry("transformers", "Qwen3ForCausalLM", repo, "text_encoder"),
    tokenizer: entry("transformers", "Qwen2Tokenizer", repo, "tokenizer"),
    transformer: entry("diffusers", "Flux2Transformer2DModel", repo, "transformer"),
    vae: entry("diffusers", "AutoencoderKLFlux2", vae, vae === repo ? "vae" : "coder"),
  });
}

type Files = Record<string, Uint8Array<ArrayBuffer> | string>;

/** The files of the tiny model, those of its autoencoder apart. */
async function tiny(): Promise<{ files: Files; vae: Files }> {
  const folder = fixture("tiny-flux2-klein");
  const names = (await filesBelow(folder)).filter((name) => !/^model_index|\.rules$/.test(name));
  const entries = await Promise.all(
    names.map(async (name) => [name, await Deno.readFile(`${folder}/${name}`)] as const),
  );
  const isVae = ([name]: readonly [string, unknown]) => name.startsWith("vae/");
  const vae = entries.filter(isVae).map(([name, file]) => [name.replace("vae", "coder"), file]);
  return {
    files: Object.fromEntries(entries.filter((entry) => !isVae(entry))),
    vae: Object.fromEntries(vae),
  };
}

/** A Hub and an empty cache. */
async function setUp() {
  const server = new HubServer();
  const cache = await tempCache();
  const options = { endpoint: server.url, cacheDir: cache.path, progress: false } as const;
  return {
    server,
    options,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

describe("a repo with a modular_model_index.json", () => {
  it("is loaded with components of its own and of other repos, and makes the same images", async () => {
    await using at = await setUp();
    const { files, vae } = await tiny();
    at.server.addRepo("me/klein", {
      ...files,
      "modular_model_index.json": index({ vae: "me/coder" }),
    });
    at.server.addRepo("me/coder", vae);
    await using pipe = await DiffusionPipeline.fromPretrained("me/klein", at.options);
    await using usual = await Flux2KleinPipeline.fromPretrained(fixture("tiny-flux2-klein"));
    assertEquals(pipe.className, "Flux2KleinPipeline");
    assertEquals(pipe.config, { ...usual.config, _name_or_path: "me/klein" });
    const { images: [image] } = await pipe("a cat", call);
    assertEquals(image!.data, (await usual("a cat", call)).images[0]!.data);
  });

  it("says what is missing of it, and where else components lie, when it is inspected", async () => {
    await using at = await setUp();
    const { files } = await tiny();
    at.server.addRepo("me/klein", {
      ...files,
      "modular_model_index.json": index({ vae: "me/coder" }),
    });
    const { components, problems } = await inspect("me/klein", { ...at.options, registry });
    assertEquals(components.map(({ role }) => role), [
      ..."scheduler text_encoder tokenizer transformer".split(" "),
    ]);
    assertEquals(problems, ["vae lies in me/coder, which was not looked at"]);
  });

  it("is refused with a component in a folder of this machine", async () => {
    await using at = await setUp();
    const { files } = await tiny();
    for (const vae of ["/etc", "../other", "me/a/b"]) {
      const repo = `me/klein-${vae.length}`;
      at.server.addRepo(repo, { ...files, "modular_model_index.json": index({ repo, vae }) });
      const error = await assertRejects(
        () => DiffusionPipeline.fromPretrained(repo, at.options),
        DenoiseError,
        `Cannot load vae of ${repo} from "${vae}", as its modular_model_index.json says: it must be a repo id`,
      );
      assertEquals(error.code, "invalid_config");
    }
  });

  it("wants a component that it leaves to the user", async () => {
    await using at = await setUp();
    const { files } = await tiny();
    at.server.addRepo("me/klein", { ...files, "modular_model_index.json": index({ vae: null }) });
    await assertRejects(
      () => DiffusionPipeline.fromPretrained("me/klein", at.options),
      DenoiseError,
      "Cannot make a Flux2KleinPipeline without vae (a model)",
    );
  });
});

describe("a folder with a modular_model_index.json", () => {
  /** A copy of the tiny model with that index. */
  async function copy(text: string) {
    const path = await linkedParts(fixture("tiny-flux2-klein"));
    await Deno.writeTextFile(`${path}/modular_model_index.json`, text);
    return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
  }

  it("has its own files taken, whatever repos its index names", async () => {
    for (const className of ["Flux2KleinModularPipeline", "Flux2KleinBaseModularPipeline"]) {
      await using folder = await copy(index({ repo: "nobody/nowhere", vae: "no/body", className }));
      await Deno.symlink(`${fixture("tiny-flux2-klein")}/vae`, `${folder.path}/coder`);
      await using pipe = await DiffusionPipeline.fromPretrained(folder.path);
      assertEquals(pipe.className, "Flux2KleinPipeline");
      assertEquals(pipe.config["is_distilled"], true);
    }
  });

  it("has the noise levels of Qwen-Image 2.1 Turbo, by the names of both its blocks", async () => {
    const own = fixture("tiny-qwen-image21-turbo");
    const { _class_name, ...known } = JSON.parse(
      await Deno.readTextFile(`${own}/model_index.json`),
    ) as Record<string, unknown>;
    const entries = Object.entries(known).map(([role, value]) => {
      if (!Array.isArray(value) || typeof value[0] !== "string") return [role, value];
      return [role, entry(value[0], value[1], "me/turbo", role)];
    });
    await using plain = await DiffusionPipeline.fromPretrained(own);
    const call = { height: 32, width: 32, seed: 3, outputType: "latent" } as const;
    const { tensor } = await plain("a fox", call as never) as ImageOutput;
    for (const blocks of ["QwenImage21Turbo", "QwenImage21"]) {
      const path = await linkedParts(own);
      const text = { ...Object.fromEntries(entries), _class_name: `${blocks}ModularPipeline` };
      await Deno.writeTextFile(`${path}/modular_model_index.json`, JSON.stringify(text));
      await using pipe = await DiffusionPipeline.fromPretrained(path);
      assertEquals([pipe.className, pipe.config["sample_sigmas"]], [_class_name, [
        1,
        0.8,
        0.5,
        0.2,
      ]]);
      const made = await pipe("a fox", call as never) as ImageOutput;
      assertEquals(made.tensor!.data, tensor!.data);
      await Deno.remove(path, { recursive: true });
    }
  });

  it("has the usual scheduler and tokenizer where it does not say them, and names what it goes without", async () => {
    const own = fixture("tiny-flux3");
    const path = await linkedParts(own);
    const known = JSON.parse(await Deno.readTextFile(`${own}/modular_model_index.json`));
    const text = JSON.stringify({
      ...known,
      tokenizer: entry("transformers", "AutoProcessor", "me/flux3", "tokenizer"),
      prompt_upsampler: entry("transformers", "Qwen3_5ForConditionalGeneration", "me/writer", ""),
    });
    await Deno.writeTextFile(`${path}/modular_model_index.json`, text);
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    await using pipe = await DiffusionPipeline.fromPretrained(path, { onWarning });
    assertEquals(pipe.className, "Flux3ModularPipeline");
    assertEquals(pipe.components.tokenizer?.className, "Qwen3VLProcessor");
    const { scheduler } = pipe.components;
    assertEquals(scheduler.className, "FlowMatchEulerDiscreteScheduler");
    assertEquals((scheduler.config as JsonObject)["shift"], 6.93);
    assertEquals(warnings, [
      "Flux3ModularPipeline goes without prompt_upsampler (Qwen3_5ForConditionalGeneration), which the repo names",
    ]);
    await Deno.remove(path, { recursive: true });
  });

  it("is refused where it names no class, or one that is not there", async () => {
    for (
      const [className, says] of [
        [
          "ModularPipeline",
          `has "ModularPipeline" as "_class_name", but must name a pipeline class`,
        ],
        ["PaintModularPipeline", "No plugin provides PaintModularPipeline"],
      ] as const
    ) {
      await using folder = await copy(index({ className }));
      await assertRejects(() => DiffusionPipeline.fromPretrained(folder.path), DenoiseError, says);
    }
  });

  it("is loaded by a registry with a plugin of the blocks' own name, where there is one", async () => {
    await using folder = await copy(index());
    const own = {
      kind: "pipeline",
      className: "Flux2KleinModularPipeline",
      load: () => Promise.resolve("the plugin's own"),
    } as const;
    const known = new Registry({ plugins: [own], sources: [hub()] });
    const pipe: unknown = await DiffusionPipeline.fromPretrained(folder.path, { registry: known });
    assertEquals(pipe, "the plugin's own");
  });
});
