/**
 * Steps, guidance, size and strength where nobody says: what a repo suggests, or else its pipeline, by the API, the command
 * line, every door of the function and, where there is a browser, the playground.
 *
 * @module
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import {
  AutoPipelineForImage2Image,
  DenoiseImage,
  DiffusionPipeline,
  registry,
} from "@denoise/denoise";
import { id as EMBEDDED } from "@denoise/embedded-emoji";
import { readRecipe } from "@denoise/image";
import { type App, createApp, inlineServingEngine } from "@denoise/functions";
import { messages, post } from "../functions/tests/app.ts";
import { hasBrowser, startBrowser, withPage } from "../functions/tests/playground.ts";
import type { Browser } from "./support/browser.ts";
import { commandLine } from "./support/command_line.ts";
import { bytesIn, pngUrl } from "./support/data_url.ts";
import { makeFixtures } from "./support/fixtures.ts";
import { fixture } from "./support/golden.ts";
import { suggesting } from "./support/with_index.ts";

makeFixtures();

const PROMPT = "red apple";
const SEED = 3;

const folder = await Deno.makeTempDir();
const IMAGE = `${folder}/grey.png`;
await new DenoiseImage(64, 64, 3, new Uint8Array(12288).fill(128)).save(IMAGE);
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Values that no class has by itself. */
const SUGGESTED = {
  ...{ num_inference_steps: 3, guidance_scale: 2.75, strength: 0.7 },
  ...{ width: 72, height: 48 },
};

interface Repo {
  readonly location: string;
  /** What it suggests, or has suggested to it here. */
  readonly suggested?: object;
  /** Whether it can be asked to change an image. */
  readonly changes?: true;
}

const REPOS: Readonly<Record<string, Repo>> = {
  "the model that ships with the project": { location: EMBEDDED },
  "Stable Diffusion": {
    location: fixture("tiny-stable-diffusion"),
    suggested: SUGGESTED,
    changes: true,
  },
  "Stable Diffusion XL": { location: fixture("tiny-stable-diffusion-xl"), changes: true },
  "a turbo model": {
    location: fixture("tiny-stable-diffusion-xl"),
    suggested: { num_inference_steps: 1, guidance_scale: 0 },
  },
  "FLUX.1 dev": {
    location: fixture("tiny-flux-dev"),
    suggested: { width: 64, height: 64, max_sequence_length: 16 }, // or else 1024 on each side
    changes: true,
  },
  "FLUX.1 schnell": {
    location: fixture("tiny-flux-schnell"),
    suggested: { num_inference_steps: 4, guidance_scale: 0, width: 64, height: 64 },
  },
  "Z-Image-Turbo": {
    location: fixture("tiny-z-image-turbo"),
    suggested: { num_inference_steps: 9, guidance_scale: 0, width: 64, height: 64 },
  },
  "Qwen-Image": {
    location: fixture("tiny-qwen-image"),
    suggested: { num_inference_steps: 2, true_cfg_scale: 1.5, width: 64, height: 64 },
  },
};

/** What is compared of a recipe. */
function settings(recipe: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  const { steps, guidanceScale, trueCfgScale, strength, width, height } = recipe ?? {};
  return { steps, guidanceScale, trueCfgScale, strength, width, height };
}

const ofFile = async (path: string) => settings(readRecipe(await Deno.readFile(path)));
const ofBase64 = (base64: string) => settings(readRecipe(bytesIn(base64)));

/** What each door of a server makes of no more than a prompt and a seed. */
const DOORS: Readonly<Record<string, (app: App) => Promise<string>>> = {
  async "/v1/images/generations"(app) {
    const body = { prompt: PROMPT, seed: SEED };
    return (await (await app.request("/v1/images/generations", post(body))).json()).data[0]
      .b64_json;
  },
  async "/predictions"(app) {
    const body = { input: { prompt: PROMPT, seed: SEED } };
    return (await (await app.request("/predictions", post(body))).json()).output[0];
  },
  async "/sdapi/v1/txt2img"(app) {
    const body = { prompt: PROMPT, seed: SEED };
    return (await (await app.request("/sdapi/v1/txt2img", post(body))).json()).images[0];
  },
  async "Hugging Face's clients"(app) {
    const body = { inputs: PROMPT, parameters: { seed: SEED } };
    return (await (await app.request("/", post(body))).bytes()).toBase64();
  },
  async "agents"(app) {
    const params = { name: "generate_image", arguments: { prompt: PROMPT, seed: SEED } };
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    const headers = { accept: "application/json, text/event-stream" };
    const told = await messages(await app.request("/mcp", post(message, { headers })));
    const { result } = told.at(-1)!.data as { result: { content: { data: string }[] } };
    return result.content[0]!.data;
  },
};

/** What they make of an image beside it. */
const CHANGES: Readonly<Record<string, (app: App, image: Uint8Array) => Promise<string>>> = {
  async "/v1/images/edits"(app, image) {
    const body = new FormData();
    for (const [name, value] of Object.entries({ prompt: PROMPT, seed: SEED })) {
      body.append(name, `${value}`);
    }
    body.append("image", new Blob([image.slice()]), "a.png");
    const response = await app.request("/v1/images/edits", { method: "POST", body });
    return (await response.json()).data[0].b64_json;
  },
  async "/predictions with an image"(app, image) {
    const body = { input: { prompt: PROMPT, seed: SEED, image: pngUrl(image) } };
    return (await (await app.request("/predictions", post(body))).json()).output[0];
  },
};

describe("what nobody says", () => {
  let browser: Browser;
  beforeAll(async () => {
    if (hasBrowser) browser = await startBrowser();
  });
  afterAll(async () => {
    if (hasBrowser) await browser.close();
  });

  for (const [name, { location, suggested, changes }] of Object.entries(REPOS)) {
    it(`is the same by every door for ${name}`, async () => {
      const repo = suggested === undefined
        ? location
        : await suggesting(location, suggested, folder);
      const pipe = await DiffusionPipeline.fromPretrained(repo);
      const { images } = await pipe(PROMPT, { seed: SEED });
      const expected = settings(images[0]!.recipe);
      const own: Readonly<Record<string, unknown>> = pipe.defaults;
      assertEquals([expected["steps"]], [own["numInferenceSteps"]]);
      await pipe.dispose();
      const changed = await changedBy(repo, changes);
      const flags = ["generate", PROMPT, "--model", repo, "--seed", `${SEED}`, "--quiet"];
      const out = `${folder}/${crypto.randomUUID()}.png`;
      assertEquals((await commandLine([...flags, "--out", out])).code, 0);
      assertEquals(await ofFile(out), expected, "the command line");
      const engine = inlineServingEngine({
        models: [{ id: "one", location: repo }],
        registry,
        warmup: false,
      });
      try {
        const app = createApp({ engine, registry });
        for (const [door, ask] of Object.entries(DOORS)) {
          assertEquals(ofBase64(await ask(app)), expected, door);
        }
        if (changed !== undefined) {
          const path = `${out}.changed.png`;
          const { code } = await commandLine([...flags, "--image", IMAGE, "--out", path]);
          assertEquals([code, await ofFile(path)], [0, changed], "the command line with an image");
          for (const [door, ask] of Object.entries(CHANGES)) {
            assertEquals(ofBase64(await ask(app, await Deno.readFile(IMAGE))), changed, door);
          }
        }
        if (!hasBrowser) return await app.drain(0);
        await withPage(browser, app, async (playground) => {
          const { page } = playground;
          const drawn = async () => {
            await page.fill("#prompt", PROMPT);
            await page.fill("#seed", `${SEED}`);
            await playground.draw();
            const [file] = await playground.images();
            return settings(readRecipe(file!));
          };
          assertEquals(await drawn(), expected, "the playground");
          if (changed === undefined) return;
          await page.setInputFiles("#file", IMAGE);
          await playground.says(/^Image taken/);
          assertEquals(await drawn(), changed, "the playground with an image");
        });
      } finally {
        await engine.close();
      }
    });
  }

  it("is more than one value, so that doors could differ", async () => {
    const flux = await DiffusionPipeline.fromPretrained(fixture("tiny-flux-dev"));
    const change = await AutoPipelineForImage2Image.fromPretrained(fixture("tiny-flux-dev"));
    const guidance = (of: { readonly defaults: object }) =>
      (of.defaults as Record<string, unknown>)["guidanceScale"];
    assertNotEquals(guidance(flux), guidance(change));
    await Promise.all([flux.dispose(), change.dispose()]);
  });
});

/** What the API makes of an image beside the prompt. */
async function changedBy(repo: string, changes: true | undefined) {
  if (changes === undefined) return undefined;
  const pipe = await AutoPipelineForImage2Image.fromPretrained(repo);
  try {
    const { images } = await pipe(PROMPT, { image: IMAGE, seed: SEED });
    return settings(images[0]!.recipe);
  } finally {
    await pipe.dispose();
  }
}
