/**
 * Every class of which there is a test model, by the command line, the HTTP function and, where there is a
 * browser, the playground, which know none of them by name: the same seed gives the same image or audio by all. A model of a class that neither knows
 * needs a line here only where it has to be given more than a prompt or an image.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { decodeImage, registry, UnCLIPPipeline } from "@denoise/denoise";
import { readRecipe } from "@denoise/image";
import { type CallOption, roleKey } from "@denoise/core";
import { createApp, inlineServingEngine } from "@denoise/functions";
import type { AnyClass } from "../functions/engine/tasks.ts";
import { commandOf } from "../plugins/tools/cli/recipe.ts";
import { post } from "../functions/tests/app.ts";
import { hasBrowser, startBrowser, withPage } from "../functions/tests/playground.ts";
import type { Browser } from "./support/browser.ts";
import { commandLine } from "./support/command_line.ts";
import { bytesIn, pngUrl } from "./support/data_url.ts";
import { assertSame, levels } from "./support/levels.ts";
import { photoIn } from "./support/photo_file.ts";
import { until } from "./support/until.ts";
import { suggesting } from "./support/with_index.ts";

const FIXTURES = new URL("fixtures/", import.meta.url).pathname;
const IMAGE = new URL("../plugins/media/image/testdata/files/rgb.png", import.meta.url).pathname;
const SEED = 3;
const STEPS = 4;
const SIZE = 64;

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const { photo: PHOTO, mask: MASK } = await photoIn(folder);

/** Of classes whose first model draws at sizes that it was trained with alone, and large ones. */
const SMALL: Readonly<Record<string, string>> = { PixArtAlphaPipeline: "tiny-pixart-alpha-256" };

/** A test model of each class. */
const models = new Map<string, string>();
for (const { name } of [...Deno.readDirSync(FIXTURES)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const index = await Deno.readTextFile(`${FIXTURES}${name}/model_index.json`)
    .catch(() => Deno.readTextFile(`${FIXTURES}${name}/modular_model_index.json`))
    .catch(() => "{}");
  const className = JSON.parse(index)._class_name;
  if (registry.pipeline(className) === undefined || models.has(className)) continue;
  if ((SMALL[className] ?? name) === name) {
    models.set(className, `${FIXTURES}${name}`);
  }
}

const classes = await Promise.all(
  [...models].map(async ([className, own]) => ({
    className,
    own,
    Class: await registry.get(className, "pipeline") as unknown as AnyClass,
  })),
);

/** What test models suggest beside, as a repo may: the defaults of their classes are beyond what so small ones take. */
const SUGGESTED: Readonly<Record<string, object>> = {
  StableDiffusionUpscalePipeline: { noise_level: 5 },
  QwenImageLayeredPipeline: { layers: 1 }, // one image, as of the others
};

/** Classes that take something else in the place of an image, so that it need not be given. */
const BY_IMAGE = ["StableUnCLIPImg2ImgPipeline", "UnCLIPImageVariationPipeline"];

/** What a class has to be given: an image, or what no door gives. */
function needs({ className, options }: AnyClass): string[] {
  const required = Object.entries(options as Readonly<Record<string, CallOption>>)
    .filter(([_, { required }]) => required).map(([name]) => name);
  return BY_IMAGE.includes(className) ? [...required, "image"] : required;
}

describe("every class", () => {
  let browser: Browser;
  beforeAll(async () => {
    if (hasBrowser) browser = await startBrowser();
  });
  afterAll(async () => {
    if (hasBrowser) await browser.close();
  });

  for (const { className, own, Class } of classes) {
    const given = needs(Class).filter((name) => name !== "prompt");
    const isServed = Class.makes !== "embeddings" &&
      given.every((name) => Class.options[name]!.type === "image");
    // what no flag, or field of the playground, is for
    const image = given.includes("maskImage") ? PHOTO : IMAGE;
    const others = given.filter((name) => !["image", "maskImage"].includes(name));

    it(`${className} ${isServed ? "makes the same by every door" : "is refused by name"}`, async () => {
      const suggested = SUGGESTED[className];
      const repo = suggested === undefined ? own : await suggesting(own, suggested, folder);
      const takesSize = "width" in Class.options;
      const takesSteps = "numInferenceSteps" in Class.options;
      const isGiven = given.includes("image");
      const out = `${folder}/${className}.${Class.makes === "audio" ? "wav" : "png"}`;
      const flags = [
        ...["generate", ...(Class.takesPrompt ? ["a red apple"] : []), "--model", repo],
        ...["--seed", `${SEED}`, "--out", out, "--quiet"],
        ...(takesSteps ? ["--steps", `${STEPS}`] : []),
        ...(takesSize ? ["--size", `${SIZE}`] : []),
        ...(isGiven ? ["--image", image] : []),
        ...(isServed && given.includes("maskImage") ? ["--mask", MASK] : []),
        ...(isServed ? others.flatMap((name) => ["--option", `${roleKey(name)}=${image}`]) : []),
      ];
      const dataUrl = async (file: string) => pngUrl(await Deno.readFile(file));
      const input = {
        ...(Class.takesPrompt ? { prompt: "a red apple" } : {}),
        ...(takesSteps ? { num_inference_steps: STEPS } : {}),
        ...(takesSize ? { width: SIZE, height: SIZE } : {}),
        ...(isGiven ? { image: await dataUrl(image) } : {}),
        ...(given.includes("maskImage") ? { mask: await dataUrl(MASK) } : {}),
        ...Object.fromEntries(
          await Promise.all(others.map(async (name) => [roleKey(name), await dataUrl(image)])),
        ),
        seed: SEED,
      };
      const engine = inlineServingEngine({
        models: [{ id: "one", location: repo }],
        registry,
        warmup: false,
      });
      try {
        if (!isServed) {
          const { code, said } = await commandLine(flags);
          assertEquals(code, 1);
          assertStringIncludes(said, className);
          const error = await engine.ready().then(() => undefined, (error: Error) => error);
          assertStringIncludes(`${(error?.cause as Error | undefined)?.message}`, className);
          return;
        }
        const { code, said } = await commandLine(flags);
        assertEquals(code, 0, said);
        const app = createApp({ engine, registry });
        const response = await app.request("/predictions", post({ input }));
        const { status, error, detail, output } = await response.json();
        assertEquals(status, "succeeded", error ?? detail);
        const theirs = await levels(bytesIn(output[0]));
        assertSame(await levels(await Deno.readFile(out)), theirs);
        if (!hasBrowser || others.length > 0) return await app.drain(0);
        await withPage(browser, app, async (playground) => {
          const { page } = playground;
          if (isGiven) {
            await page.setInputFiles("#file", IMAGE);
            await playground.says(/^Image taken/);
            // strength is the class's own, and the size the image's, as by the others
            for (const field of ["#strength", "#width", "#height"]) {
              if (await page.isVisible(field)) await page.fill(field, "");
            }
          }
          if (await page.isVisible("#prompt")) await page.fill("#prompt", "a red apple");
          await page.fill("#seed", `${SEED}`);
          if (takesSteps) await page.fill("#steps", `${STEPS}`);
          for (const side of takesSize ? ["#width", "#height"] : []) {
            await page.fill(side, `${SIZE}`);
          }
          await page.click("#draw");
          const said = async () => await page.textContent("#message") ?? "";
          await until(async () => !/…$/.test(await said()) && await page.isEnabled("#draw"));
          assertStringIncludes(await said(), "Done");
          const [file] = await playground.images();
          assertSame(await levels(file!), theirs);
        });
      } finally {
        await engine.close();
      }
    });
  }
});

describe("QwenImageLayeredPipeline by the command line", () => {
  it("writes a file for each layer", async () => {
    const model = await suggesting(`${FIXTURES}tiny-qwen-image-layered`, { layers: 3 }, folder);
    const out = `${folder}/layer.png`;
    const flags = ["--model", model, "--image", IMAGE, "--steps", "2", "--out", out, "--quiet"];
    const { code, said } = await commandLine(["generate", "a cat", ...flags]);
    assertEquals(code, 0, said);
    for (const number of [1, 2, 3]) {
      const { channels } = await decodeImage(await Deno.readFile(`${folder}/layer-${number}.png`));
      assertEquals(channels, 4);
    }
  });
});

describe("options that one pipeline alone has", () => {
  const repo = `${FIXTURES}tiny-unclip`;
  const own = {
    prior_num_inference_steps: 2,
    decoder_num_inference_steps: 2,
    super_res_num_inference_steps: 3,
    prior_guidance_scale: 1.5,
  };
  const flags = (values: object) =>
    Object.entries(values).flatMap(([name, value]) => ["--option", `${name}=${value}`]);
  const at = (out: string) => ["--model", repo, "--seed", `${SEED}`, "--out", out, "--quiet"];

  it("make the same by the command line and HTTP, and by the command of its recipe", async () => {
    const out = `${folder}/own.png`;
    const made = await commandLine(["generate", "a frog", ...at(out), ...flags(own)]);
    assertEquals(made.code, 0, made.said);
    const models = [{ id: "one", location: repo }];
    const engine = inlineServingEngine({ models, registry, warmup: false });
    try {
      const app = createApp({ engine, registry });
      const body = { prompt: "a frog", seed: SEED, ...own };
      const response = await app.request("/v1/images/generations", post(body));
      const { data, warnings } = await response.json();
      assertEquals([warnings, data[0].recipe.superResSteps], [[], 3]);
      const [first, theirs] = [await Deno.readFile(out), Uint8Array.fromBase64(data[0].b64_json)];
      assertSame(await levels(first), await levels(theirs));
      const texts = Object.entries(own).map(([name, value]) => [name, `${value}`]);
      for (const file of [first, theirs]) {
        assertEquals(readRecipe(file)?.["options"], Object.fromEntries(texts));
      }
      const again = commandOf(readRecipe(first)!, (name) => name in UnCLIPPipeline.options);
      const words = [...again.matchAll(/'([^']*)'|(\S+)/g)].map(([_, a, b]) => a ?? b!).slice(1);
      assertEquals((await commandLine([...words, "--out", out, "--force", "--quiet"])).code, 0);
      assertEquals(await Deno.readFile(out), first);
    } finally {
      await engine.close();
    }
  });

  it("are refused by name, with those that there are", async () => {
    const wrong: [string[], string][] = [
      [["--option", "prior_num_steps=2"], "it has decoder_guidance_scale, decoder_num_inference"],
      [["--option", "prior_guidance_scal=2"], "did you mean prior_guidance_scale?"],
      [["--option", "prior-num-inference-steps=0"], "it must be an integer from 1"],
      [
        ["--option", "priorGuidanceScale=x"],
        'prior_guidance_scale "x": it must be a finite number',
      ],
      [["--option", "num_images_per_prompt=2"], "it is given as --count"],
      [["--option", "prior_latents=2"], "a command line has no such values"],
      [["--steps", "2"], "Cannot give --steps to UnCLIPPipeline"],
      [["--negative", "x"], "--option NAME=VALUE: decoder_num_inference_steps"],
    ];
    for (const [args, message] of wrong) {
      const { code, said } = await commandLine(["generate", "a frog", ...at("x.png"), ...args]);
      assertEquals(code, 1, message);
      assertStringIncludes(said, message);
    }
  });
});
