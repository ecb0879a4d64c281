/**
 * Every TypeScript snippet of these pages, run as it stands, with the files that it names, on small
 * repos that a Hub on this machine serves under the ids of the page.
 *
 * @module
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert } from "@std/assert";
import { docBlocks } from "./support/doc_blocks.ts";
import { fixture } from "./support/golden.ts";
import { HubServer } from "./support/hub_server.ts";

const REPOS = {
  "stable-diffusion-v1-5/stable-diffusion-v1-5": "tiny-stable-diffusion",
  "black-forest-labs/FLUX.1-schnell": "tiny-flux-schnell",
  "google/ddpm-cat-256": "tiny-ddpm-root",
  "stabilityai/stable-audio-open-1.0": "tiny-stable-audio",
  "lllyasviel/sd-controlnet-canny": "models/ControlNetModel/sd1",
};

const root = fileURLToPath(new URL("../", import.meta.url));

/** The TypeScript snippets of a page of docs/, with the heading that each stands under. */
async function snippetsOf(name: string) {
  const page = await Deno.readTextFile(`${root}docs/${name}.md`);
  return page.split(/^## /m).flatMap((section) =>
    docBlocks(section).filter(({ language }) => language === "ts")
      .map(({ text }) => ({ page: name, title: section.split("\n")[0]!, text }))
  );
}

const migrate = await snippetsOf("migrate");
const others = await Promise.all(["adapters", "memory", "offline"].map(snippetsOf));

describe("the snippets of docs/", () => {
  // inside of the workspace, so that the packages are those of the workspace
  const programs = `${root}.cache/snippets`;
  const hub = new HubServer();
  let home: string;
  const here = Deno.cwd();
  const before = new Map<string, string | undefined>();

  beforeAll(async () => {
    home = await Deno.makeTempDir({ prefix: "denoise-" });
    await rm(programs, { recursive: true, force: true });
    await mkdir(programs, { recursive: true });
    for (const [id, folder] of Object.entries(REPOS)) await hub.addFolder(id, fixture(folder));
    const adapters = `${home}/IP-Adapter`;
    await mkdir(`${adapters}/models`, { recursive: true });
    await cp(`${fixture("ip_adapter")}/image_encoder`, `${adapters}/models/image_encoder`, {
      recursive: true,
    });
    await cp(
      `${fixture("ip_adapter")}/plain.safetensors`,
      `${adapters}/models/ip-adapter_sd15.safetensors`,
    );
    const files = {
      "tests/golden/lora/early.safetensors": "pixel-art.safetensors",
      "tests/golden/lora/kohya.safetensors": "watercolour.safetensors",
      "tests/golden/textual_inversion/style.safetensors": "style.safetensors",
      "tests/fixtures/single_file/sd1.safetensors": "model.safetensors",
      "docs/images/tasks/sketch.png": "sketch.png",
      "docs/images/tasks/mask.png": "mask.png",
    };
    for (const [from, to] of Object.entries(files)) await cp(`${root}${from}`, `${home}/${to}`);
    await cp(`${home}/style.safetensors`, `${home}/learned_embeds.safetensors`);
    for (const name of ["cat", "edges", "statue"]) {
      await cp(`${home}/sketch.png`, `${home}/${name}.png`);
    }
    const settings = { HF_ENDPOINT: hub.url, HF_HOME: `${home}/hf`, DENOISE_CACHE: `${home}/made` };
    for (const [name, value] of Object.entries(settings)) {
      before.set(name, Deno.env.get(name));
      Deno.env.set(name, value);
    }
    Deno.chdir(home);
  });

  afterAll(async () => {
    Deno.chdir(here);
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    await hub[Symbol.asyncDispose]();
    await Promise.all([home, programs].map((folder) => rm(folder, { recursive: true })));
  });

  it("are twenty and more for those who come from diffusers", () =>
    assert(migrate.length >= 20, `${migrate.length}`));

  for (const [i, { page, title, text }] of [...migrate, ...others.flat()].entries()) {
    it(`run: ${page}, ${title}`, async () => {
      const file = `${programs}/${i}.ts`;
      await Deno.writeTextFile(file, text);
      await import(new URL(file, import.meta.url).href);
    });
  }
});
