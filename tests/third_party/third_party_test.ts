/**
 * A third party for real: in folders outside the workspace, with every `@denoise/*` package taken
 * from a registry that serves them as JSR does, a scheduler that diffusers does not have is
 * scaffolded, tested, published, named by a repo and drawn with.
 *
 * @module
 */
import { cp } from "node:fs/promises";
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
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

/**
 * Does what a page says: writes the blocks that have a file name, runs those of the shell.
 *
 * @returns The folder in which it ends.
 */
async function follow(page: string): Promise<string> {
  let cwd = home;
  for (const { language, file, text } of docBlocks(await readText(`docs/${page}`))) {
    if (file !== undefined) {
      await Deno.writeTextFile(`${cwd}/${file}`, text);
      continue;
    }
    assertEquals(
      language,
      "sh",
      `a block of ${page} that is neither a file nor commands:\n${text}`,
    );
    for (const line of text.trim().split("\n")) {
      const [command, ...args] = line.split(" ");
      if (command === "cd") cwd = `${cwd}/${args[0]}`;
      else if (command === "mkdir") await Deno.mkdir(`${cwd}/${args[0]}`);
      else {
        assertEquals(command, "deno", `a command of ${page}`);
        await deno(cwd, ...args);
      }
    }
  }
  return cwd;
}

const readText = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

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

  for (const kind of ["pipeline", "model"]) {
    it(`scaffolds a ${kind}, whose tests pass, and could publish it`, async () => {
      const name = `@someone/${kind}-two-seeds`;
      const cwd = `${home}/${kind}-two-seeds`;
      await deno(home, "run", "-A", "jsr:@denoise/create", name);
      assertStringIncludes(await deno(cwd, "test", "-A"), "0 failed");
      await deno(cwd, "fmt", "--check");
      await deno(cwd, "lint");
      await deno(cwd, "publish", "--dry-run", "--allow-dirty");
    });
  }

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

  it("learns what to do about a class that nobody provides", async () => {
    const cwd = await program(
      "miss",
      `import { DiffusionPipeline } from "jsr:@denoise/denoise";
      const repo = ${JSON.stringify(`${home}/repo`)};
      await DiffusionPipeline.fromPretrained(repo).catch((error) => console.log(error.message));`,
    );
    const said = await deno(cwd, "run", "-A", "main.ts");
    const way = "{ plugins: [CosineEulerScheduler] }";
    for (const part of [way, 'more, by registry.names("scheduler")']) {
      assertStringIncludes(said, part);
    }
  });

  it("follows docs/write-a-scheduler.md word by word", async () => {
    const cwd = await follow("write-a-scheduler.md");
    assertEquals(await deno(cwd, "run", "-A", "least.ts"), "[ 2, 0 ]\n");
    assertEquals((await Deno.stat(`${cwd}/apple.png`)).isFile, true);
  });

  it("follows docs/write-a-model.md word by word", async () => {
    const cwd = await follow("write-a-model.md");
    const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");
    if (python === undefined) return; // golden.txt is the page's
    const { stdout } = await new Deno.Command(python, { args: ["golden.py"], cwd }).output();
    const [printed, page]: number[][] = [
      new TextDecoder().decode(stdout),
      await Deno.readTextFile(`${cwd}/golden.txt`),
    ].map((text) => JSON.parse(text));
    assertEquals(printed!.length, page!.length);
    // Six digits are printed, and kernels of torch differ by processor in the last of them.
    printed!.forEach((value, i) => assertAlmostEquals(value, page![i]!, 2e-6));
  });

  it("follows docs/write-a-pipeline.md word by word", async () => {
    const cwd = await follow("write-a-pipeline.md");
    for (const image of ["apple.png", "cli.png"]) {
      assertEquals((await Deno.stat(`${cwd}/${image}`)).isFile, true);
    }
  });

  it("runs the model of @denoise/onnx's README", async () => {
    const cwd = `${home}/readme`;
    await Deno.mkdir(cwd);
    const imports = Object.fromEntries(
      ["core", "onnx", "safetensors"].map((name) => [
        `@denoise/${name}`,
        `jsr:@denoise/${name}@^0.1.0`,
      ]),
    );
    await Deno.writeTextFile(`${cwd}/deno.json`, JSON.stringify({ imports }));
    const blocks = docBlocks(await readText("plugins/runtimes/onnx/README.md"));
    const model = blocks.find(({ text }) => text.includes("defineModel({"))!.text;
    await Deno.writeTextFile(`${cwd}/model.ts`, model);
    await Deno.writeTextFile(
      `${cwd}/main.ts`,
      `import { Tensor } from "@denoise/core";
      import { saveSafetensors } from "@denoise/safetensors";
      import { TinyModel } from "./model.ts";
      const config = { in_channels: 2, layers_per_block: 1, norm_num_groups: 1 };
      await Deno.writeTextFile("config.json", JSON.stringify(config));
      // Convolutions of zeros, whose second bias is 3: the block adds it to the sample.
      await saveSafetensors("diffusion_pytorch_model.safetensors", {
        "resnets.0.norm1.weight": Tensor.ones([2]),
        "resnets.0.norm1.bias": Tensor.zeros([2]),
        "resnets.0.conv1.weight": Tensor.zeros([4, 2, 3, 3]),
        "resnets.0.conv1.bias": Tensor.zeros([4]),
        "resnets.0.time_emb_proj.weight": Tensor.zeros([4, 128]),
        "resnets.0.time_emb_proj.bias": Tensor.zeros([4]),
        "resnets.0.conv2.weight": Tensor.zeros([2, 4, 3, 3]),
        "resnets.0.conv2.bias": Tensor.full([2], 3),
      });
      const model = await TinyModel.fromPretrained(".");
      const { sample } = await model.forward(Tensor.ones([1, 2, 1, 1]), 5);
      console.log(sample.data.join());
      Deno.exit();`,
    );
    assertEquals(
      await deno(cwd, "run", "-A", "--check", "main.ts"),
      "4,4\n",
    );
  });

  it("runs the command line from an empty folder", async () => {
    const cwd = `${home}/cli`;
    await Deno.mkdir(cwd);
    const args = ["generate", "cat", "--model", REPO.pathname, "--steps", "2", "--seed", "1"];
    assertEquals(
      await deno(cwd, "run", "-A", "jsr:@denoise/cli", ...args),
      "cat.png (seed 1)\n",
    );
  });

  it("installs the command line, which runs under its name", async () => {
    const cwd = `${home}/installed`;
    await Deno.mkdir(cwd);
    await deno(cwd, "install", "-gA", "-n", "denoise", "--root", cwd, "jsr:@denoise/cli");
    const { success, stdout } = await new Deno.Command(`${cwd}/bin/denoise`, {
      args: ["--version"],
      env,
    }).output();
    assertEquals([success, new TextDecoder().decode(stdout)], [true, "0.1.0\n"]);
  });
});
