import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readRecipe, registry } from "@denoise/denoise";
import { findScheduler } from "../scripts/cli/scheduler_name.ts";

const ROOT = new URL("../", import.meta.url);
const REPO = new URL("./fixtures/tiny-stable-diffusion", import.meta.url).pathname;
const DDPM = new URL("./fixtures/tiny-ddpm", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function denoise(...args: string[]) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", new URL("scripts/cli/main.ts", ROOT).pathname, ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

describe("denoise generate", () => {
  it("writes a picture named after its prompt, with its recipe, and says where", async () => {
    const args = ["A red Apple!", "--model", REPO, "--steps", "2", "--seed", "7"];
    const { code, stdout, stderr } = await denoise("generate", ...args);
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "a-red-apple.png (seed 7)\n");
    // Below one step a second the rate is told as seconds a step, as tqdm does.
    assertMatch(stderr, /denoising: 100% 3\/3 .*(step\/s|s\/step)/);
    const recipe = await readRecipe(await Deno.readFile(`${folder}/a-red-apple.png`));
    assertEquals(recipe?.["prompt"], "A red Apple!");
    assertEquals(recipe?.["steps"], 2);
  });

  it("gives the same file for the same seed, byte for byte", async () => {
    const args = ["generate", "cat", "--model", REPO, "--steps", "2", "--seed", "1", "--out"];
    await denoise(...args, "one.png");
    await denoise(...args, "two.png");
    const [one, two] = await Promise.all(
      ["one.png", "two.png"].map((name) => Deno.readFile(`${folder}/${name}`)),
    );
    assertEquals(one!.toHex(), two!.toHex());
  });

  it("takes scheduler, size, guidance, count and JPEG, and prints JSON", async () => {
    const { code, stdout, stderr } = await denoise(
      ..."generate a dog --steps 2 --scheduler ddim --size 48x24 --guidance 3 --count 2".split(" "),
      ...["--model", REPO, "--negative", "blurry", "--out", "dog.jpg", "--json"],
    );
    assertEquals(code, 0, stderr);
    const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ path }) => path), ["dog-1.jpg", "dog-2.jpg"]);
    assertEquals(lines[0].scheduler, "DDIMScheduler");
    assertEquals([lines[0].width, lines[0].height], [48, 24]);
    assertEquals(BigInt(lines[1].seed), BigInt(lines[0].seed) + 1n);
    const jpeg = await Deno.readFile(`${folder}/dog-2.jpg`);
    assertEquals([...jpeg.slice(0, 2)], [0xff, 0xd8]);
  });

  it("makes pictures without a prompt from an unconditional model", async () => {
    const { code, stderr } = await denoise("generate", "--model", DDPM, "--steps", "2");
    assertEquals(code, 0, stderr);
    assert((await Deno.stat(`${folder}/picture.png`)).isFile);
  });

  it("changes a picture, paints in it, and applies LoRAs, by what is given", async () => {
    const lora = new URL("./golden/lora/early.safetensors", import.meta.url).pathname;
    const common = ["--model", REPO, "--steps", "4", "--seed", "3", "--json"];
    const runs = [
      ["first", "--out", "begin.png"],
      ["second", "--image", "begin.png", "--strength", "0.5", "--out", "changed.png"],
      ["third", "--image", "begin.png", "--mask", "begin.png", "--out", "painted.png"],
      ["first", "--lora", `${lora}:0.5`, "--out", "adapted.png"],
    ];
    const pipelines = [];
    for (const run of runs) {
      const { code, stdout, stderr } = await denoise("generate", ...run, ...common);
      assertEquals(code, 0, stderr);
      pipelines.push(JSON.parse(stdout).pipeline);
    }
    assertEquals(pipelines, [
      "StableDiffusionPipeline",
      "StableDiffusionImg2ImgPipeline",
      "StableDiffusionInpaintPipeline",
      "StableDiffusionPipeline",
    ]);
    const [plain, adapted] = await Promise.all(
      ["begin.png", "adapted.png"].map((name) => Deno.readFile(`${folder}/${name}`)),
    );
    assert(plain!.toHex() !== adapted!.toHex());
  });

  it("says in one line what is wrong, and exits with 1 or 2", async () => {
    const cases: [string[], number, string][] = [
      [["generate", "x", "--stepz", "3"], 2, "Did you mean --steps?"],
      [["generate", "x", "--steps", "0"], 2, "integer from 1"],
      [["generate", "x", "--size", "big"], 2, '"768x512"'],
      [["generat", "x"], 2, "Did you mean generate?"],
      [["generate", "x", "--model", "no/such/folder"], 1, "neither a folder nor a repo id"],
      [["generate", "x", "--model", REPO, "--scheduler", "foo"], 1, "EulerDiscreteScheduler"],
      [["generate", "x", "--model", REPO, "--size", "50"], 1, "divisible by 8"],
      [["generate", "x", "--model", REPO, "--device", "gpu"], 1, "devices are cpu"],
      [["generate", "x", "--model", REPO, "--steps", "1", "--out", "x.bmp"], 1, ".png, .jpg"],
      [["generate", "x", "--model", REPO, "--mask", "m.png"], 1, "give --image beside --mask"],
      [["generate", "x", "--model", REPO, "--strength", "0.5"], 1, "give --image beside it"],
      [["generate", "x", "--strength", "1.5"], 2, "from 0 to 1"],
      [["generate", "a prompt", "--model", DDPM], 1, "Cannot give a prompt to DDPMPipeline"],
    ];
    for (const [args, expected, message] of cases) {
      const { code, stderr, stdout } = await denoise(...args);
      assertEquals(code, expected, `${args.join(" ")}: ${stderr}`);
      assertEquals(stdout, "");
      assertStringIncludes(stderr, message);
      assert(!stderr.includes("    at "), "no stack is shown");
    }
  });

  it("shows help and version", async () => {
    const help = await denoise("generate", "--help");
    assertEquals(help.code, 0);
    for (const flag of ["--model", "--steps", "--guidance", "--seed", "--scheduler", "--out"]) {
      assertStringIncludes(help.stdout, flag);
    }
    assertEquals((await denoise("--version")).stdout, "0.1.0\n");
  });
});

describe("denoise inspect", () => {
  it("describes a folder", async () => {
    const { code, stdout, stderr } = await denoise("inspect", REPO);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "StableDiffusionPipeline");
    assertMatch(stdout, /unet\s+UNet2DConditionModel\s+[\d.]+ k/);
  });
});

describe("denoise doctor", () => {
  it("says which devices work and what the others lack", async () => {
    const { code, stdout } = await denoise("doctor", "--json");
    assertEquals(code, 0);
    const { devices, cores } = JSON.parse(stdout);
    assert(cores >= 1);
    const cpu = devices.find(({ device }: { device: string }) => device === "cpu");
    assertEquals(cpu, { device: "cpu", available: true });
    for (const { available, problem } of devices) assert(available || problem.length > 20);
  });
});

describe("findScheduler()", () => {
  it("takes class names and shorter forms", async () => {
    for (const name of ["EulerDiscreteScheduler", "euler", "euler-discrete", "Euler Discrete"]) {
      assertEquals((await findScheduler(name, registry)).className, "EulerDiscreteScheduler");
    }
    assertEquals((await findScheduler("ddim", registry)).className, "DDIMScheduler");
  });
});
