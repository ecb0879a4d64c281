/**
 * A third party's family (bars/: a model, a scheduler and two pipelines) as a package of its own, out of a
 * registry that serves packages as JSR does: it joins the loaders, the command line and the HTTP function,
 * and no file outside its package is edited.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { publish, workspaceRegistry } from "../../scripts/jsr_registry/mod.ts";
import { until } from "../support/until.ts";

const PACKAGE = "@someone/bars";
const home = await Deno.makeTempDir();
const folder = `${home}/bars`;
const repo = `${home}/repo`;
const registry = await workspaceRegistry();
const env = { JSR_URL: await registry.url(), NO_COLOR: "1", DENOISE_CACHE: `${home}/cache` };

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function deno(cwd: string, ...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd, env })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The HTTP function with the family's plugins and repo, once its models are loaded. */
async function serve(engine: string): Promise<AsyncDisposable & { readonly url: string }> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "jsr:@denoise/functions/serve"],
    cwd: home,
    env: {
      ...env,
      DENOISE_PLUGINS: `jsr:${PACKAGE}`,
      DENOISE_MODELS: `bars=${repo}`,
      DENOISE_PORT: "0",
      DENOISE_ENGINE: engine,
    },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!/listens on (\S+)/.test(said)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the server ended: ${said}`);
    said += value;
  }
  const [, url] = said.match(/listens on (\S+)/)!;
  await until(async () => {
    const answer = await fetch(`${url}/readyz`);
    await answer.body?.cancel();
    return answer.ok;
  });
  return {
    url: url!,
    async [Symbol.asyncDispose]() {
      process.kill("SIGTERM");
      await reader.cancel();
      await process.status;
    },
  };
}

/** Runs a program in a folder of its own; what it prints. */
async function run(name: string, source: string): Promise<string> {
  const cwd = `${home}/${name}`;
  await Deno.mkdir(cwd, { recursive: true });
  await Deno.writeTextFile(`${cwd}/main.ts`, source);
  const { code, stdout, stderr } = await deno(cwd, "run", "-A", "main.ts");
  assertEquals(code, 0, `${stdout}\n${stderr}`);
  return stdout.trim();
}

async function generate(cwd: string, ...args: string[]): Promise<Result> {
  return await deno(cwd, "run", "-A", "jsr:@denoise/cli", "generate", ...args);
}

async function setUp(): Promise<void> {
  await cp(new URL("bars/", import.meta.url), folder, { recursive: true });
  const config = {
    name: PACKAGE,
    version: "0.1.0",
    license: "MIT",
    exports: "./mod.ts",
    imports: Object.fromEntries(
      ["@denoise/adapters", "@denoise/core", "@denoise/onnx", "@denoise/schedules"].map((
        name,
      ) => [name, `jsr:${name}@^0.1.0`]),
    ),
  };
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
  await publish({ path: folder, folder: new URL(`file://${folder}/`), config }, registry);
  await run(
    "make",
    `import { Tensor } from "jsr:@denoise/core";
    import { BarsModel, BarsPipeline, HalvingScheduler } from "jsr:${PACKAGE}";
    const stored = (data, dims) => ({ dtype: "float32", dims, data: new Uint8Array(data.buffer) });
    const weight = new Float32Array(81).map((_, i) => i % 28 === 4 ? 0.1 : 0.001);
    const bars = await BarsModel.fromTensors({ channels: 3 }, [
      ["conv.weight", stored(weight, [3, 3, 3, 3])],
      ["conv.bias", stored(new Float32Array(3), [3])],
    ]);
    const pipe = new BarsPipeline({ bars, scheduler: new HalvingScheduler() }, {
      _defaults: { num_inference_steps: 7, strength: 0.25 },
    });
    await pipe.savePretrained(${JSON.stringify(repo)});`,
  );
}

async function tearDown(): Promise<void> {
  await registry[Symbol.asyncDispose]();
  await Deno.remove(home, { recursive: true });
}

describe("a third party's family", () => {
  beforeAll(setUp);
  afterAll(tearDown);

  it("is loaded by DiffusionPipeline and AutoPipelineFor..., with what its repo suggests", async () => {
    const printed = await run(
      "load",
      `import {
        AutoPipelineForImage2Image, AutoPipelineForInpainting, DiffusionPipeline, registry,
      } from "jsr:@denoise/denoise";
      import * as bars from "jsr:${PACKAGE}";
      const options = { plugins: Object.values(bars) };
      const text = await DiffusionPipeline.fromPretrained(${JSON.stringify(repo)}, options);
      const [first] = (await text("abc", { seed: 3 })).images;
      const image = await AutoPipelineForImage2Image.fromPretrained(${
        JSON.stringify(repo)
      }, options);
      const [second] = (await image("abc", { image: first, seed: 3 })).images;
      console.log(text.className, first.width, first.recipe.steps, text.defaults.numInferenceSteps);
      console.log(image.className, second.recipe.steps, image.defaults.strength);
      const Bars = bars.BarsPipeline.using(registry.with([bars.BarsMixin]));
      console.log(await text.countBars(), await new Bars(text.components).countBars(2));
      await AutoPipelineForInpainting.fromPretrained(${JSON.stringify(repo)}, options)
        .catch((error) => console.log(error.message));
      Deno.exit();`,
    );
    const lines = printed.split("\n");
    assertEquals(lines.slice(0, 2), ["BarsPipeline 64 7 7", "BarsImg2ImgPipeline 7 0.25"]);
    assertEquals(lines[2], "84 168");
    assertStringIncludes(lines[3]!, "there is no inpainting for bars");
    assertStringIncludes(lines[3]!, "there is image-to-image, text-to-image");
  });

  it("draws at the command line, from a package and from a file, what the loader draws", async () => {
    const out = `${home}/out`;
    await Deno.mkdir(out);
    const common = ["abc", "--model", repo, "--seed", "3", "--json"];
    const recipes = [];
    for (
      const [cwd, plugin, name] of [
        [out, `jsr:${PACKAGE}`, "package"],
        [folder, "./mod.ts", "file"],
      ] as const
    ) {
      const target = ["--out", `${out}/${name}.png`];
      const { code, stdout, stderr } = await generate(
        cwd,
        ...common,
        "--plugin",
        plugin,
        ...target,
      );
      assertEquals(code, 0, stderr);
      recipes.push(JSON.parse(stdout));
    }
    assertEquals(recipes.map(({ pipeline, steps }) => [pipeline, steps]), [
      ["BarsPipeline", 7],
      ["BarsPipeline", 7],
    ]);
    const [first, second] = await Promise.all(
      ["package", "file"].map((name) => Deno.readFile(`${out}/${name}.png`)),
    );
    assertEquals(first, second);

    const plugin = ["--plugin", `jsr:${PACKAGE}`];
    const image = ["--image", "package.png", "--out", "again.png"];
    const again = await generate(out, ...common, ...plugin, ...image);
    assertEquals(again.code, 0, again.stderr);
    assertEquals(JSON.parse(again.stdout).pipeline, "BarsImg2ImgPipeline");
    const mask = await generate(out, ...common, ...plugin, ...image, "--mask", "package.png");
    assertEquals(mask.code, 1);
    assertStringIncludes(mask.stderr, "there is no inpainting for bars");
  });

  for (const engine of ["inline", "child"]) {
    it(`is served by an engine of the kind ${engine}`, async () => {
      await using server = await serve(engine);
      const capabilities = await (await fetch(`${server.url}/v1/capabilities`)).json();
      const [{ tasks, width, defaults }] = capabilities.models;
      assertEquals(tasks, ["text-to-image", "image-to-image"]);
      assertEquals(width, 64);
      assertEquals(defaults, {
        "text-to-image": { steps: 7 },
        "image-to-image": { steps: 7, strength: 0.25 },
      });
      const response = await fetch(`${server.url}/v1/images/generations`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: "abc", seed: 3 }),
      });
      const body = await response.json();
      assertEquals(response.status, 200, JSON.stringify(body));
      assertEquals(body.data[0].b64_json.slice(0, 8), "iVBORw0K"); // a PNG
    });
  }

  describe("whose plugin cannot be one", () => {
    const cases: Record<string, [string, string]> = {
      "throws": ['throw new Error("no luck\\nand more");', "no luck"],
      "exports nothing": ["export const name = 1;", "it exports no plugin"],
      "does not parse": ["export class {", "Cannot load the plugin"],
      "exports two of one name": [
        'export * from "./mod.ts"; import { BarsModel } from "./mod.ts"; export const x = { ...BarsModel };',
        'two plugins of the name "BarsModel"',
      ],
    };
    for (const [what, [source, message]] of Object.entries(cases)) {
      it(`is refused in one line: it ${what}`, async () => {
        const file = `${folder}/bad.ts`;
        await Deno.writeTextFile(file, source);
        const { code, stderr } = await generate(
          folder,
          "abc",
          "--model",
          repo,
          "--plugin",
          "./bad.ts",
        );
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, message);
        assert(stderr.trim().split("\n").filter((line) => line.startsWith("error:")).length === 1);
        assert(!stderr.includes("    at "), stderr);
      });
    }

    it("is refused in one line: it is not there, or both of two have the name", async () => {
      const none = await generate(folder, "abc", "--plugin", "./none.ts");
      assertEquals(none.code, 1);
      assertStringIncludes(none.stderr, 'Cannot load the plugin "./none.ts"');
      const plugins = ["--plugin", `jsr:${PACKAGE}`, "--plugin", "./mod.ts"];
      const two = await generate(folder, "abc", "--model", repo, ...plugins);
      assertEquals(two.code, 1);
      assertStringIncludes(two.stderr, "leave one out");
    });
  });
});
