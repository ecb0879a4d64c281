/**
 * A third party for real: in folders outside the workspace, with every `@denoise/*` package taken
 * from a registry that serves them as JSR does, a scheduler that diffusers does not have is
 * scaffolded, tested, published, named by a repo and drawn with.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { docBlocks } from "../support/doc_blocks.ts";
import { publish, workspaceRegistry } from "../../scripts/jsr_registry/mod.ts";

const PACKAGE = "@someone/scheduler-cosine-euler";
const REPO = new URL("../fixtures/tiny-stable-diffusion/", import.meta.url);
const home = await Deno.makeTempDir();
const registry = await workspaceRegistry();
const env = { JSR_URL: await registry.url(), NO_COLOR: "1", DENOISE_CACHE: `${home}/cache` };

async function deno(cwd: string, ...args: string[]): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), { args, cwd, env }).output();
  const [stdout, stderr] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  assertEquals(output.code, 0, `deno ${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

/** An empty folder with one program in it. */
async function program(name: string, source: string): Promise<string> {
  await Deno.mkdir(`${home}/${name}`);
  await Deno.writeTextFile(`${home}/${name}/main.ts`, source);
  return `${home}/${name}`;
}

describe("a third party", () => {
  const folder = `${home}/cosine`;
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await Deno.remove(home, { recursive: true });
  });

  it("scaffolds a scheduler", async () => {
    const said = await deno(home, "run", "-A", "jsr:@denoise/create", PACKAGE, folder);
    assertStringIncludes(said, `${folder}/mod.ts`);
  });

  it("passes the conformance suite with it, and could publish it", async () => {
    assertStringIncludes(await deno(folder, "test", "-A"), "0 failed");
    await deno(folder, "fmt", "--check");
    await deno(folder, "lint");
    await publish({
      path: folder,
      folder: new URL(`file://${folder}/`),
      config: {
        name: PACKAGE,
        version: "0.1.0",
        exports: "./mod.ts",
      },
    }, registry);
  });

  it("makes an image through it, named by the repo and swapped in by hand", async () => {
    const repo = `${home}/repo`;
    await cp(REPO, repo, { recursive: true });
    const index = JSON.parse(await Deno.readTextFile(`${repo}/model_index.json`));
    index.scheduler = ["someone", "CosineEulerScheduler"];
    await Deno.writeTextFile(`${repo}/model_index.json`, JSON.stringify(index));
    const cwd = await program(
      "use",
      `import { DiffusionPipeline } from "jsr:@denoise/denoise";
      import { CosineEulerScheduler } from "jsr:${PACKAGE}";
      const call = ["red apple", { seed: 3, numInferenceSteps: 4 }] as const;
      const named = await DiffusionPipeline.fromPretrained(${JSON.stringify(repo)}, {
        plugins: [CosineEulerScheduler],
      });
      const swapped = await DiffusionPipeline.fromPretrained(${JSON.stringify(REPO.pathname)});
      swapped.scheduler = CosineEulerScheduler.fromConfig(swapped.scheduler.config);
      const images = [await named(...call), await swapped(...call)].map(({ images }) => images[0]!);
      await images[0]!.save("named.png");
      console.log(named.scheduler.className, images[0]!.data.toHex() === images[1]!.data.toHex());
      Deno.exit();`,
    );
    assertEquals(await deno(cwd, "run", "-A", "main.ts"), "CosineEulerScheduler true\n");
    assertEquals((await Deno.stat(`${cwd}/named.png`)).isFile, true);
  });

  it("computes in every engine, whose modules and libraries come from the registry", async () => {
    const cwd = await program(
      "engines",
      `import { DiffusionPipeline } from "jsr:@denoise/denoise";
      const images = [];
      for (const engine of ["inline", "worker", "child", "native"] as const) {
        const pipe = await DiffusionPipeline.fromPretrained(${JSON.stringify(REPO.pathname)}, {
          engine,
        });
        const { images: [image] } = await pipe("red apple", { seed: 3, numInferenceSteps: 2 });
        images.push(image!.data.toHex());
      }
      console.log(new Set(images).size);
      Deno.exit();`,
    );
    assertEquals(await deno(cwd, "run", "-A", "main.ts"), "1\n");
  });

  it("is told what to do about a class that nobody provides", async () => {
    const cwd = await program(
      "miss",
      `import { DiffusionPipeline } from "jsr:@denoise/denoise";
      const repo = ${JSON.stringify(`${home}/repo`)};
      await DiffusionPipeline.fromPretrained(repo).catch((error) => console.log(error.message));`,
    );
    const said = await deno(cwd, "run", "-A", "main.ts");
    for (
      const part of ["CosineEulerScheduler", "@denoise/scheduler-cosine-euler", "DDIMScheduler"]
    ) {
      assertStringIncludes(said, part);
    }
  });

  it("follows docs/write-a-scheduler.md word by word", async () => {
    const page = await Deno.readTextFile(
      new URL("../../docs/write-a-scheduler.md", import.meta.url),
    );
    let cwd = home;
    for (const { language, file, text } of docBlocks(page)) {
      if (language === "ts") {
        await Deno.writeTextFile(`${cwd}/${file}`, text);
        if (file === "least.ts") {
          assertEquals(await deno(cwd, "run", "-A", file), "[ 2, 0 ]\n");
        }
        continue;
      }
      for (const line of text.trim().split("\n")) {
        const [command, ...args] = line.split(" ");
        if (command === "cd") cwd = `${cwd}/${args[0]}`;
        else await deno(cwd, ...args);
      }
    }
    assertEquals((await Deno.stat(`${cwd}/apple.png`)).isFile, true);
  });

  it("runs the command line from an empty folder", async () => {
    const cwd = `${home}/cli`;
    await Deno.mkdir(cwd);
    const args = ["generate", "cat", "--model", REPO.pathname, "--steps", "2", "--seed", "1"];
    assertEquals(
      await deno(cwd, "run", "-A", "jsr:@denoise/denoise/cli", ...args),
      "cat.png (seed 1)\n",
    );
  });
});
