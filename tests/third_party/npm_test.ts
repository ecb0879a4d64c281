/**
 * Node.js and Bun, as their users have denoise: the packages come as npm.jsr.io makes them, are added as
 * `npx jsr add` adds them, and give the image that Deno gives, byte for byte.
 *
 * @module
 */
import { DiffusionPipeline } from "@denoise/denoise";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { type NpmRegistry, npmRegistry } from "../../scripts/jsr_registry/npm.ts";
import { workspaceRegistry } from "../../scripts/jsr_registry/mod.ts";
import { installedRuntimes, type Runtimes } from "../support/runtimes.ts";

const runtimes = await installedRuntimes();

/** Draws, in this thread, a Worker and a child process; saves and loads again; refuses what needs Deno. */
const PROGRAM = `
import { writeFile } from "node:fs/promises";
import { DiffusionPipeline, openImage } from "@denoise/denoise";

const said = {};
const draw = async (from, options) => {
  const pipe = await DiffusionPipeline.fromPretrained(from, options);
  const { images } = await pipe("red apple", { seed: 3, numInferenceSteps: 2 });
  return { pipe, image: images[0] };
};
const { pipe, image } = await draw("denoise/emoji", {});
await image.save("inline.png");
said.printed = String(image);
await pipe.savePretrained("saved");
await pipe.dispose();
for (const engine of ["worker", "child"]) {
  const again = await draw("denoise/emoji", { engine });
  await again.image.save(engine + ".png");
  await again.pipe.dispose();
}
const loaded = await draw("./saved", {});
said.saved = Buffer.compare(loaded.image.data, image.data);
await loaded.pipe.dispose();
for (const format of ["jpg", "webp"]) {
  await image.save("x." + format);
  said[format] = String(await openImage("x." + format));
}
for (const [name, options] of Object.entries({ native: { engine: "native" }, nowhere: {} })) {
  const from = name === "nowhere" ? "./nowhere" : "./saved";
  said[name] = await draw(from, options).then(() => "drawn", ({ code, message }) => [code, message]);
}
await writeFile("said.json", JSON.stringify(said));
`;

/** As `npx tsc --init` makes it, without what it writes. */
const TSCONFIG = {
  compilerOptions: {
    ...{ module: "nodenext", target: "esnext", types: ["node"], strict: true, noEmit: true },
    ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: true },
  },
  files: ["typed.ts"],
};

/** What users write, with the types that they rely upon. */
const TYPED = `
import {
  type AnyPipeline, AutoencoderKL, type DenoiseImage, DiffusionPipeline, EulerDiscreteScheduler, loadImage,
  randn, resize, StableDiffusionPipeline, type Tensor,
} from "@denoise/denoise";

const pipe: AnyPipeline = await DiffusionPipeline.fromPretrained("denoise/emoji");
const { images } = await pipe("red apple", { numInferenceSteps: 10, guidanceScale: 3, seed: 1 });
const width: number = images[0]!.width;
await images[0]!.save("apple.png");
pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config, { use_karras_sigmas: true });
pipe.vae.enableTiling();
for await (const step of pipe.stream("a castle", { numInferenceSteps: 3 })) await step.preview();
const sd = await StableDiffusionPipeline.fromPretrained("repo", { device: "cpu", safetyChecker: null });
const name: string = await sd.loadLoraWeights("a.safetensors", { weight: 0.8 });
const small: DenoiseImage = resize(await loadImage("a.png"), 512, 512);
const vae = await AutoencoderKL.fromPretrained("repo", { subfolder: "vae" });
const latents: Tensor = (await vae.encode(randn([1, 3, 64, 64]))).latentDist.sample();
const channels: number = vae.config.latent_channels;
console.log(width, name, small, latents, channels);
`;

/** What must not compile after it, and a part of what is said. */
const MISTYPED: readonly [string, string][] = [
  [`await pipe("a cat", { guidanceScal: 7.5 });`, "guidanceScale"],
  [`await sd("a cat", { strength: 0.5 });`, "strength"],
  [`const none: number = sd.unet;`, "not assignable"],
  [`vae.config.latent_channel;`, "latent_channels"],
];

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENOISE_CACHE: `${cwd}/cache` },
    stdin: "null",
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${command} ${args.join(" ")}\n${out}\n${error}`);
  return out!;
}

/** What Deno draws. */
async function drawnByDeno(): Promise<Uint8Array> {
  const pipe = await DiffusionPipeline.fromPretrained("denoise/emoji");
  const { images } = await pipe("red apple", { seed: 3, numInferenceSteps: 2 });
  await pipe.dispose();
  return await images[0]!.encode();
}

/** Adds packages to an empty folder, as `npx jsr add` does. */
async function added(registry: NpmRegistry, cwd: string, { node, npm }: Runtimes): Promise<void> {
  await Deno.writeTextFile(`${cwd}/.npmrc`, `@jsr:registry=${registry.url}\n`);
  await Deno.writeTextFile(`${cwd}/package.json`, '{ "private": true, "type": "module" }');
  const names = ["denoise", "cli"].map((name) => `@denoise/${name}@npm:@jsr/denoise__${name}`);
  const types = "@types/node@24"; // as every program of TypeScript for Node.js has it
  const quietly = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  await run(node, [npm, "install", ...quietly, ...names, types], cwd);
}

describe("from npm", () => {
  const made = runtimes && setUp(runtimes);
  afterAll(async () => {
    if (made !== undefined) await Deno.remove((await made).cwd, { recursive: true });
  });

  for (const name of ["node", "bun"] as const) {
    it({
      name: `${name} draws what Deno draws`,
      ignore: runtimes === undefined,
      fn: async () => {
        const { cwd, expected } = await made!;
        await run(runtimes![name], ["main.mjs"], cwd);
        for (const engine of ["inline", "worker", "child"]) {
          const drawn = await Deno.readFile(`${cwd}/${engine}.png`);
          assert(drawn.toBase64() === expected.toBase64(), `${name}, ${engine}: another image`);
          await Deno.remove(`${cwd}/${engine}.png`);
        }
        const said = JSON.parse(await Deno.readTextFile(`${cwd}/said.json`));
        assertEquals([said.printed, said.jpg, said.webp], Array(3).fill(said.printed));
        assertEquals(said.saved, 0);
        assertEquals(said.native[0], "runtime_unavailable");
        assertStringIncludes(said.native[1], "The native engine needs Deno, and this is");
        assertEquals(said.nowhere[0], "missing_file");
        await Deno.remove(`${cwd}/saved`, { recursive: true });
      },
    });
  }

  it({
    name: "TypeScript knows the types of what is written, and refuses what is none",
    ignore: runtimes === undefined,
    fn: async () => {
      const { cwd } = await made!;
      await Deno.writeTextFile(`${cwd}/tsconfig.json`, JSON.stringify(TSCONFIG));
      await Deno.writeTextFile(`${cwd}/typed.ts`, TYPED);
      await run(runtimes!.node, [runtimes!.tsc, "-p", cwd], cwd);
      for (const [line, message] of MISTYPED) {
        await Deno.writeTextFile(`${cwd}/typed.ts`, `${TYPED}\n${line}\n`);
        const { code, stdout } = await new Deno.Command(runtimes!.node, {
          args: [runtimes!.tsc, "-p", cwd],
          cwd,
        }).output();
        assertEquals(code === 0, false, `${line} compiles`);
        assertStringIncludes(new TextDecoder().decode(stdout), message);
      }
    },
  });

  it({
    name: "node runs the command line",
    ignore: runtimes === undefined,
    fn: async () => {
      const { cwd } = await made!;
      const cli = (...args: string[]) =>
        run(runtimes!.node, ["node_modules/@denoise/cli/main.js", ...args], cwd);
      await cli("generate", "red apple", "--steps", "2", "--out", "cli.png", "--quiet");
      assertStringIncludes(await cli("recipe", "cli.png"), "red apple");
      assertStringIncludes(await cli("doctor"), "Node.js 24");
    },
  });
});

/** A folder with the packages and a program in it, and what the program is to draw. */
async function setUp(runtimes: Runtimes): Promise<{ cwd: string; expected: Uint8Array }> {
  const cwd = await Deno.makeTempDir({ prefix: "denoise-npm-" });
  await using registry = await workspaceRegistry();
  const { node, tsc } = runtimes;
  await using npm = await npmRegistry(registry.packages, { node, path: tsc });
  await added(npm, cwd, runtimes);
  await Deno.writeTextFile(`${cwd}/main.mjs`, PROGRAM);
  return { cwd, expected: await drawnByDeno() };
}
