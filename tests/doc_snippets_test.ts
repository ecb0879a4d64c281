/**
 * Every TypeScript snippet of these pages, run as it stands, with the files that it names, on small
 * repos that a Hub on this machine serves under the ids of the page.
 *
 * @module
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assert, assertEquals } from "@std/assert";
import { docBlocks } from "./support/doc_blocks.ts";
import { fixture } from "./support/golden.ts";
import { HubServer } from "./support/hub_server.ts";
import { MARK, type ModuleEnd } from "./support/run_modules.ts";

const REPOS = {
  "stable-diffusion-v1-5/stable-diffusion-v1-5": "tiny-stable-diffusion",
  "black-forest-labs/FLUX.1-schnell": "tiny-flux-schnell",
  "stabilityai/stable-diffusion-xl-base-1.0": "tiny-stable-diffusion-xl",
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
const others = await Promise.all(["adapters", "few-steps", "memory", "offline"].map(snippetsOf));
const snippets = [...migrate, ...others.flat()];

describe("the snippets of docs/", () => {
  // inside of the workspace, so that the packages are those of the workspace
  const programs = `${root}.cache/snippets`;
  const hub = new HubServer();
  let home: string;
  const ends = new Map<string, ModuleEnd>();
  let output = "";
  const fileOf = (i: number): string => `${programs}/${i}.ts`;

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
    for (const name of ["lcm-lora-sdv1-5", "tcd-sd15-lora"]) {
      await cp(`${home}/watercolour.safetensors`, `${home}/${name}.safetensors`);
    }
    for (const steps of ["1step", "8steps"]) {
      await cp(`${home}/watercolour.safetensors`, `${home}/Hyper-SD15-${steps}-lora.safetensors`);
    }
    const xl = `${root}tests/golden/lora/xl.safetensors`;
    await cp(xl, `${home}/sdxl_lightning_4step_lora.safetensors`);
    for (const name of ["cat", "edges", "statue", "left", "right"]) {
      await cp(`${home}/sketch.png`, `${home}/${name}.png`);
    }
    for (const [i, { text }] of snippets.entries()) await Deno.writeTextFile(fileOf(i), text);
    // in a process of their own: folder and variables belong to all tests that run at once
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "--no-check", "--no-lock", `--config=${root}deno.json`],
        fileURLToPath(new URL("support/run_modules.ts", import.meta.url)),
        ...snippets.map((_, i) => fileOf(i)),
      ],
      cwd: home,
      env: { HF_ENDPOINT: hub.url, HF_HOME: `${home}/hf`, DENOISE_CACHE: `${home}/made` },
    }).output();
    const decoder = new TextDecoder();
    output = decoder.decode(stdout) + decoder.decode(stderr);
    for (const line of decoder.decode(stdout).split("\n")) {
      if (!line.startsWith(MARK)) continue;
      const end = JSON.parse(line.slice(MARK.length)) as ModuleEnd;
      ends.set(end.file, end);
    }
  });

  afterAll(async () => {
    await hub[Symbol.asyncDispose]();
    await Promise.all([home, programs].map((folder) => rm(folder, { recursive: true })));
  });

  it("are twenty and more for those who come from diffusers", () =>
    assert(migrate.length >= 20, `${migrate.length}`));

  for (const [i, { page, title }] of snippets.entries()) {
    it(`run: ${page}, ${title}`, () => {
      const end = ends.get(fileOf(i));
      assert(end !== undefined, `it did not come to its end: ${output.slice(-2_000)}`);
      assertEquals(end.error, undefined);
    });
  }
});
