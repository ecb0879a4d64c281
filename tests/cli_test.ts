import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type AnyPipeline, decodeImage, DiffusionPipeline } from "@denoise/denoise";
import { describe, it } from "@std/testing/bdd";
import {
  ControlNetModel,
  readRecipe,
  registry,
  StableDiffusionControlNetPipeline,
} from "@denoise/denoise";
import { loadImage } from "@denoise/image";
import { findScheduler } from "../plugins/tools/cli/names.ts";
import { fixture } from "./support/golden.ts";
import { hasProgram } from "./support/programs.ts";
import { loadTask } from "./support/tasks.ts";
import { hasTerminals, onTerminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";

const ROOT = new URL("../", import.meta.url);
const REPO = new URL("./fixtures/tiny-stable-diffusion", import.meta.url).pathname;
const UNCLIP = new URL("./fixtures/tiny-unclip", import.meta.url).pathname;
const DDPM = new URL("./fixtures/tiny-ddpm", import.meta.url).pathname;
const IMAGE = new URL("plugins/media/image/testdata/files/rgb.png", ROOT).pathname;
const LCM = new URL("./fixtures/tiny-lcm", import.meta.url).pathname;
const STABLE_AUDIO = new URL("./fixtures/tiny-stable-audio", import.meta.url).pathname;
const DANCE = new URL("./fixtures/tiny-dance-diffusion", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const PROGRAM = [
  "run",
  "-A",
  "--quiet",
  "--no-lock",
  new URL("plugins/tools/cli/main.ts", ROOT).pathname,
];

/** Runs the program, with bytes on its standard input if there are any. */
async function denoiseBytes(
  args: readonly string[],
  input?: Uint8Array<ArrayBuffer>,
  env: Readonly<Record<string, string>> = {},
) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, ...args],
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) await new Blob([input]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  return { code, stdout, stderr: new TextDecoder().decode(stderr) };
}

async function denoise(...args: string[]) {
  const { stdout, ...rest } = await denoiseBytes(args);
  return { ...rest, stdout: new TextDecoder().decode(stdout) };
}

describe("denoise generate", () => {
  it("writes an image named after its prompt, with its recipe, and says where", async () => {
    const args = ["A red Apple!", "--model", REPO, "--steps", "2", "--seed", "7"];
    const { code, stdout, stderr } = await denoise("generate", ...args);
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "a-red-apple.png (seed 7)\n");
    // Below one step a second the rate is given as seconds a step, as tqdm does.
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

  it("takes a prompt that is longer than the command line onnxruntime stands", async () => {
    const options = ["--model", REPO, "--steps", "1", "--seed", "1", "--out", "long.png"];
    const { code, stdout, stderr } = await denoise("generate", "cat ".repeat(12_000), ...options);
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "long.png (seed 1)\n");
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

  it("takes the type and the quantization of weights", async () => {
    const made = async (...more: string[]) => { // by the embedded model, whose layers are wide enough
      await Deno.remove(`${folder}/made.png`).catch(() => {});
      const call = ["--steps", "2", "--seed", "5", "--out", "made.png", ...more];
      const { code, stderr } = await denoise("generate", "red apple", ...call);
      assertEquals(code, 0, stderr);
      return (await decodeImage(await Deno.readFile(`${folder}/made.png`))).data.toHex();
    };
    const plain = await made();
    assert(plain !== await made("--quantization", "int8"));
    await made("--dtype", "bfloat16");
    for (const [flag, word] of [["--quantization", "int8, int4"], ["--dtype", "bfloat16"]]) {
      const { code, stderr } = await denoise("generate", "a dog", flag!, "int3");
      assertEquals(code, 2);
      assert(stderr.includes(word!), stderr);
    }
  });

  it("makes the folder of --out, and writes WebP", async () => {
    const out = ["--steps", "1", "--seed", "1", "--out", "new/folder/x.webp"];
    const { code, stderr } = await denoise("generate", "cat", "--model", REPO, ...out);
    assertEquals(code, 0, stderr);
    const file = await Deno.readFile(`${folder}/new/folder/x.webp`);
    assertEquals(new TextDecoder().decode(file.subarray(8, 12)), "WEBP");
  });

  it("refuses what cannot be written before anything is made, and leaves files alone", async () => {
    await Deno.mkdir(`${folder}/is-folder.png`);
    await Deno.writeTextFile(`${folder}/is-file`, "mine");
    await Deno.writeTextFile(`${folder}/mine.png`, "mine");
    const cases: [string[], string][] = [
      [["--out", "is-folder.png"], 'Cannot write "is-folder.png"'],
      [["--out", "is-file/x.png"], 'Cannot write "is-file/x.png"'],
      [["--out", "x.gif", "--model", "no/such/folder"], "must end in .png"],
      [["--out", "x"], "must end in .png"],
      [["--out", "mine.png", "--size", "50"], "divisible by 8"],
    ];
    for (const [args, message] of cases) {
      const run = await denoise("generate", "cat", "--model", REPO, "--steps", "1", ...args);
      assertEquals([run.code, run.stdout], [1, ""], run.stderr);
      assertStringIncludes(run.stderr, message);
      assert(args.includes("--size") || !run.stderr.includes("denoising"), "nothing was made");
    }
    assertEquals(await Deno.readTextFile(`${folder}/mine.png`), "mine");
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assert(!left.includes("cat.png"), `${left}`);
  });

  it("never writes over a file, but for --force, and numbers files by %03d", async () => {
    const call = ["cat", "--model", REPO, "--steps", "1", "--seed", "1"];
    const named = async (...more: string[]) => {
      const { code, stdout, stderr } = await denoise("generate", ...call, ...more);
      assertEquals(code, 0, stderr);
      return stdout.trim().split("\n").map((line) => line.replace(/ \(.*/, ""));
    };
    await Deno.writeTextFile(`${folder}/kept.png`, "mine");
    assertEquals(await named("--out", "kept.png"), ["kept-2.png"]);
    assertEquals(await named("--out", "kept.png"), ["kept-3.png"]);
    assertEquals(await Deno.readTextFile(`${folder}/kept.png`), "mine");
    assertEquals(await named("--out", "kept.png", "--force"), ["kept.png"]);
    assert(await Deno.readTextFile(`${folder}/kept.png`) !== "mine");
    assertEquals(await named("--out", "n-%03d.png", "-n", "2"), ["n-001.png", "n-002.png"]);
    assertEquals(await named("--out", "n-%03d.png"), ["n-003.png"]);
    assertEquals(await named("--out", "m.png", "-n", "2"), ["m-1.png", "m-2.png"]);
    await Deno.remove(`${folder}/m-1.png`);
    assertEquals(await named("--out", "m.png", "-n", "2"), ["m-3.png", "m-4.png"]);
  });

  it("reads prompts and images from standard input, and writes to standard output", async () => {
    const call = ["generate", "--model", REPO, "--steps", "2", "--seed", "3", "--out", "-"];
    const text = new TextEncoder().encode("a red apple\n");
    const first = await denoiseBytes([...call, "-"], text);
    assertEquals(first.code, 0, first.stderr);
    assertEquals(readRecipe(first.stdout)?.["prompt"], "a red apple");
    const changed = ["changed", "--image", "-", "--strength", "0.9"];
    const second = await denoiseBytes([...call, ...changed], first.stdout);
    assertEquals(second.code, 0, second.stderr);
    assertEquals(readRecipe(second.stdout)?.["pipeline"], "StableDiffusionImg2ImgPipeline");
    for (const more of [["-", "--image", "-"], ["x", "--image", "-", "--mask", "-"]]) {
      const { code, stderr } = await denoiseBytes([...call, ...more], text);
      assertEquals([code, stderr.includes("give - for one of them")], [1, true], stderr);
    }
    const { code, stderr } = await denoise(...call, "x", "-n", "2");
    assertEquals([code, stderr.includes("one result, not 2")], [1, true], stderr);
  });

  it("takes eta, layers of CLIP to skip, learned words and IP-Adapters", async () => {
    const word = `${fixture("../golden/textual_inversion")}/learned_embeds.safetensors`;
    const [ip, image] = [`${fixture("ip_adapter")}/plain.safetensors`, IMAGE];
    const images = new Set<string>();
    for (
      const more of [
        [],
        ["--eta", "0.9"],
        ["--clip-skip", "1"],
        ["--prompt-syntax", "compel", "--negative", "blue++"],
        ["--prompt-syntax", "a1111", "--negative", "blue++"],
        ["--textual-inversion", word],
        ["--textual-inversion", `${word}:<mine>`],
      ]
    ) {
      const call = ["a <cat-toy>", "--model", REPO, "--steps", "2", "--seed", "3"];
      const ddim = ["--scheduler", "ddim", "--out", "-"];
      const { code, stdout, stderr } = await denoiseBytes(["generate", ...call, ...ddim, ...more]);
      assertEquals(code, 0, stderr);
      images.add((await decodeImage(stdout)).data.toHex());
    }
    assertEquals(images.size, 6); // the last one is of a word that the prompt does not use
    const only = await denoise("generate", "x", "--ip-adapter", ip);
    assertStringIncludes(only.stderr, "give --ip-adapter-image");
    const none = await denoise("generate", "x", "--ip-adapter-image", image);
    assertStringIncludes(none.stderr, "give --ip-adapter");
    const foreign = await denoise("generate", "--model", DDPM, "--eta", "0.5");
    assertStringIncludes(foreign.stderr, "Cannot give --eta to DDPMPipeline");
  });

  it("is quiet or says more, as it is asked to", async () => {
    const call = ["generate", "cat", "--model", REPO, "--steps", "1", "--seed", "1"];
    const quiet = await denoise(...call, "--quiet", "--out", "quiet.png");
    assertEquals([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
    assert((await Deno.stat(`${folder}/quiet.png`)).isFile);
    const verbose = await denoise(...call, "--verbose", "--out", "verbose.png");
    assertMatch(verbose.stderr, /StableDiffusionPipeline of .* on c(pu|uda)\nloaded in .*\n/);
    const stack = await denoise("generate", "x", "--model", "no/such/folder", "-v");
    assertStringIncludes(stack.stderr, "    at ");
  });

  it("makes images without a prompt from an unconditional model", async () => {
    const { code, stderr } = await denoise("generate", "--model", DDPM, "--steps", "2");
    assertEquals(code, 0, stderr);
    assert((await Deno.stat(`${folder}/image.png`)).isFile);
  });

  it("writes audio as WAV files, from a model that makes them", async () => {
    const audio = ["--model", DANCE, "--steps", "2", "--seed", "3", "--length", "0.2"];
    const { code, stdout, stderr } = await denoise("generate", ...audio, "--count", "2");
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "audio-1.wav (seed 3)\naudio-2.wav (seed 4)\n");
    const file = await Deno.readFile(`${folder}/audio-2.wav`);
    assertEquals(new TextDecoder().decode(file.subarray(0, 4)), "RIFF");
    assertEquals(new DataView(file.buffer).getUint32(40, true), 20 * 2 * 2);
    const named = await denoise("generate", ...audio, "--out", "x.wav", "--json");
    assertEquals(JSON.parse(named.stdout).path, "x.wav");
  });

  it("writes audio of a prompt, from which the recipe makes it again", async () => {
    const options = [
      "--model",
      STABLE_AUDIO,
      "--steps",
      "2",
      "--length",
      "1.5",
      "--negative",
      "hiss",
    ];
    const made = await denoise("generate", "rain on tin", ...options, "--seed", "4", "-n", "2");
    assertEquals(made.code, 0, made.stderr);
    assertEquals(made.stdout, "rain-on-tin-1.wav (seed 4)\nrain-on-tin-2.wav (seed 5)\n");
    const { stdout } = await denoise("recipe", "rain-on-tin-2.wav");
    const command = stdout.trimEnd().split("\n").at(-1)!;
    assert(command.includes("--length 1.5") && command.includes("--seed 5"), command);
    const words = command.replaceAll("'", "").split(" rain on tin ");
    assertEquals(words.length, 2, command);
    const again = await denoise("generate", "rain on tin", ...words[1]!.split(" "), "-o", "b.wav");
    assertEquals(again.code, 0, again.stderr);
    const [first, second] = await Promise.all(
      ["rain-on-tin-2.wav", "b.wav"].map((name) => Deno.readFile(`${folder}/${name}`)),
    );
    assertEquals(first, second);
  });

  it("changes an image, inpaints it, and applies LoRAs, by what is given", async () => {
    const lora = new URL("./golden/lora/early.safetensors", import.meta.url).pathname;
    const common = ["--model", REPO, "--steps", "4", "--seed", "3", "--json"];
    const runs = [
      ["first", "--out", "begin.png"],
      ["second", "--image", "begin.png", "--strength", "0.5", "--out", "changed.png"],
      ["third", "--image", "begin.png", "--mask", "begin.png", "--out", "inpainted.png"],
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

  it("gives all images to what refers to several", async () => {
    const repo = fixture("tiny-qwen-image-edit-plus");
    const other = new URL("plugins/media/image/testdata/files/420.jpg", ROOT).pathname;
    const common = ["--model", repo, "--steps", "2", "--seed", "5", "--size", "32"];
    const images = ["--image", IMAGE, "--image", other];
    const { code, stderr } = await denoise(
      "generate",
      "fox",
      ...common,
      ...images,
      "--out",
      "referring.png",
    );
    assertEquals(code, 0, stderr);
    const pipe = await DiffusionPipeline.fromPretrained(repo, {
      onWarning: () => {},
    }) as AnyPipeline;
    const call = { width: 32, height: 32, numInferenceSteps: 2, seed: 5, image: [IMAGE, other] };
    const { images: [expected] } = await pipe("fox", call);
    await pipe.dispose();
    assertEquals((await loadImage(`${folder}/referring.png`)).data, expected!.data);
  });

  it("follows control images, alone, in an image and in a mask, by what is given", async () => {
    const [sd1, bgr] = ["sd1", "bgr"].map((name) => fixture(`models/ControlNetModel/${name}`));
    const common = ["--model", REPO, "--steps", "3", "--seed", "5", "--json"];
    const control = ["--controlnet", sd1!, "--control-image", "edges.png"];
    const runs = [
      ["edges", "--out", "edges.png"],
      ["a bird", ...control, "--control-scale", "0.7", "--out", "bird.png"],
      ["a bird", ...control, "--image", "edges.png", "--strength", "0.5", "--size", "24"],
      ["a bird", ...control, "--image", "edges.png", "--mask", "edges.png"],
      ["two", ...control, "--controlnet", bgr!, "--control-image", "edges.png"],
      [
        ..."two --control-scale 1 --control-scale 0.2 --out scaled.png".split(" "),
        ...control,
        ...["--controlnet", bgr!, "--control-image", "edges.png"],
      ],
    ];
    const pipelines = [];
    for (const run of runs) {
      const { code, stdout, stderr } = await denoise("generate", ...run, ...common);
      assertEquals(code, 0, stderr);
      pipelines.push(JSON.parse(stdout).pipeline);
    }
    assertEquals(pipelines.slice(1), [
      "StableDiffusionControlNetPipeline",
      "StableDiffusionControlNetImg2ImgPipeline",
      "StableDiffusionControlNetInpaintPipeline",
      "StableDiffusionControlNetPipeline",
      "StableDiffusionControlNetPipeline",
    ]);
    const read = (name: string) => loadImage(`${folder}/${name}`);
    assert((await read("two.png")).data.toHex() !== (await read("scaled.png")).data.toHex());

    const controlnet = await ControlNetModel.fromPretrained(sd1!);
    const pipe = await StableDiffusionControlNetPipeline.fromPretrained(REPO, { controlnet });
    const { images: [direct] } = await pipe("a bird", {
      ...{ image: `${folder}/edges.png`, controlnetConditioningScale: 0.7 },
      ...{ numInferenceSteps: 3, seed: 5 },
    });
    assertEquals((await read("bird.png")).data.toHex(), direct!.data.toHex());
    await pipe.dispose();
  });

  it("follows control images by T2I-Adapters and by a ControlNet of several kinds", async () => {
    const adapter = fixture("models/T2IAdapter/full");
    const union = fixture("models/ControlNetUnionModel/union");
    const xl = fixture("tiny-stable-diffusion-xl");
    const edges = ["--control-image", "edges.png"];
    const kinds = [...edges, "--control-mode", "0", ...edges, "--control-mode", "2"];
    const runs = [
      ["edges", "--model", REPO, "--out", "edges.png"],
      ["a bird", "--model", REPO, "--adapter", adapter, ...edges, "--control-scale", "0.5"],
      ["a bird", "--model", xl, "--controlnet", union, ...kinds],
      ["a bird", "--model", xl, "--controlnet", union, ...kinds, "--image", "edges.png"],
    ];
    const pipelines = [];
    for (const run of runs) {
      const { code, stdout, stderr } = await denoise("generate", ...run, "--steps", "2", "--json");
      assertEquals(code, 0, stderr);
      pipelines.push(JSON.parse(stdout).pipeline);
    }
    assertEquals(pipelines, [
      "StableDiffusionPipeline",
      "StableDiffusionAdapterPipeline",
      "StableDiffusionXLControlNetUnionPipeline",
      "StableDiffusionXLControlNetUnionImg2ImgPipeline",
    ]);
    const refused = [
      [["--adapter", adapter], "1 T2I-Adapter with 0 images"],
      [["--adapter", adapter, "--controlnet", union, ...edges], "--controlnet with --adapter"],
      [["--adapter", adapter, ...edges, "--image", "edges.png"], "--adapter with --image"],
      [["--controlnet", union, ...kinds, ...edges], "3 control images with 2 kinds"],
      [["--adapter", adapter, ...edges, "--control-mode", "1"], "Cannot give --control-mode to"],
    ] as const;
    for (const [flags, message] of refused) {
      const { code, stderr } = await denoise("generate", "x", "--model", REPO, ...flags);
      assertEquals([code, stderr.includes(message)], [1, true], stderr);
    }
  });

  it("keeps depth, given or as the model sees it", async () => {
    const pipe = await loadTask({
      pipeline: "StableDiffusionDepth2ImgPipeline",
      repo: "tiny-stable-diffusion",
      parts: {
        unet: "models/UNet2DConditionModel/depth",
        depth_estimator: "models/DPTForDepthEstimation/plain",
        feature_extractor: "processors/DPTImageProcessor/dpt-32",
      },
    });
    const model = `${folder}/tiny-depth`;
    await pipe.savePretrained(model);
    await pipe.dispose();
    const begin = await denoise("generate", "photo", "--model", REPO, "--steps", "2", "--json");
    assertEquals(begin.code, 0, begin.stderr);
    const common = ["--model", model, "--steps", "3", "--seed", "5", "--image", "photo.png"];
    const images = new Map<string, string>();
    for (const [name, depth] of [["plain"], ["estimated", "estimate"], ["given", "photo.png"]]) {
      const flags = depth === undefined ? [] : ["--depth", depth];
      const { code, stderr } = await denoise("generate", "x", ...common, ...flags, "-fo", "x.png");
      assertEquals(code, 0, stderr);
      images.set(name!, (await loadImage(`${folder}/x.png`)).data.toHex());
    }
    assertEquals(images.get("plain"), images.get("estimated"));
    assert(images.get("given") !== images.get("estimated"));
    const masked = await denoise("generate", "x", ...common, "--mask", "photo.png");
    assertEquals(masked.code, 1);
    assertStringIncludes(masked.stderr, "there is no inpainting for stable-diffusion-depth");
  });

  it("says in one line what is wrong, and exits with 1 or 2", async () => {
    const net = ["--controlnet", fixture("models/ControlNetModel/sd1")];
    const wide = ["--controlnet", fixture("models/ControlNetModel/wide")];
    const edges = ["--control-image", IMAGE];
    const image = ["--image", IMAGE];
    const cases: [string[], number, string][] = [
      [["generate", "x", "--stepz", "3"], 2, "Did you mean --steps?"],
      [["generate", "x", "--steps", "0"], 2, "integer from 1"],
      [["generate", "x", "--size", "big"], 2, '"768x512"'],
      [["generat", "x"], 2, "Did you mean generate?"],
      [["generate", "x", "--model", "no/such/folder"], 1, "neither a folder nor a repo id"],
      [["generate", "x", "--model", REPO, "--scheduler", "foo"], 1, "`denoise schedulers` lists"],
      [
        ["generate", "x", "--model", REPO, "--scheduler", "eulr"],
        1,
        "mean EulerDiscreteScheduler?",
      ],
      [["generate", "x", "--model", UNCLIP, "--scheduler", "ddpm"], 1, "several (decoderScheduler"],
      [["generate", "x", "--lora", "x.safetensors:strong"], 2, "there must be a number"],
      [["generate", "x", "--model", REPO, "--size", "50"], 1, "divisible by 8"],
      [["generate", "x", "--model", REPO, "--device", "gpu"], 1, "devices are cpu"],
      [["generate", "x", "--model", REPO, "--steps", "1", "--out", "x.bmp"], 1, ".png, .jpg"],
      [["generate", "x", "--model", REPO, "--mask", "m.png"], 1, "give --image beside --mask"],
      [["generate", "x", "--model", REPO, "--strength", "0.5"], 1, "give --image beside it"],
      [["generate", "x", "--strength", "1.5"], 2, "from 0 to 1"],
      [["generate", "--model", REPO], 1, 'as in `denoise generate "red apple"`'],
      [
        ["generate", "x", "--image", "none.png"],
        1,
        '"none.png" for --image: there is no such file',
      ],
      [["generate", "x", "--lora", "none.safetensors"], 1, "for --lora: there is no such file"],
      [["recipe", "none.png"], 1, 'Cannot read "none.png": there is no such file'],
      [["generate", "x", "--depth", "estimate"], 1, "give --image beside --depth"],
      [
        ["generate", "x", "--model", REPO, ...image, "--size", "32"],
        1,
        "Cannot give --size to StableDiffusionPipeline: beside a prompt " +
        "StableDiffusionImg2ImgPipeline takes --image, --strength",
      ],
      [["generate", "x", ...image, "--depth", "d", "--mask", "m"], 1, "--depth with --mask"],
      [["generate", "x", ...image, "--depth", "d", ...net], 1, "--depth with a ControlNet"],
      [
        ["generate", "x", "--model", REPO, ...image, "--depth", IMAGE],
        1,
        "StableDiffusionDepth2ImgPipeline",
      ],
      [["generate", "x", ...net], 1, "1 ControlNet with 0 images"],
      [["generate", "x", ...net, ...edges, ...edges], 1, "1 ControlNet with 2 images"],
      [
        ["generate", "x", ...net, ...net, ...edges, ...edges, "--control-scale", "1"],
        1,
        "1 scale:",
      ],
      [["generate", "x", "--model", REPO, ...edges], 1, "give --controlnet"],
      [["generate", "x", "--model", REPO, ...wide, ...edges], 1, "trained for this model"],
      [["generate", "x", "--model", LCM, ...net, ...edges], 1, "LatentConsistencyModelPipeline"],
      [["generate", "--model", DDPM, ...image], 1, "Cannot give --image to DDPMPipeline"],
      [["generate", "a prompt", "--model", DDPM], 1, "Cannot give a prompt to DDPMPipeline"],
      [["generate", "--model", DDPM, "--length", "3"], 1, "Cannot give --length to DDPMPipeline"],
      [["generate", "--model", DANCE, "--length", "0"], 2, "from 0.001 to 3600"],
      [
        ["generate", "x", "--model", fixture("tiny-ace-step"), "--size", "64"],
        1,
        "AceStepPipeline takes none of --size, --image, --mask, --depth, --strength",
      ],
      [["generate", "--model", DANCE, "--steps", "1", "--out", "x.png"], 1, "must end in .wav"],
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
    for (const flag of ["--model", "--steps", "--guidance", "--seed", "--depth", "--controlnet"]) {
      assertStringIncludes(help.stdout, flag);
    }
    assertEquals((await denoise("--version")).stdout, "0.1.0\n");
  });
});

describe("denoise generate on a terminal", { ignore: !hasTerminals }, () => {
  const start = (...args: string[]) =>
    onTerminal([Deno.execPath(), ...PROGRAM, "generate", ...args], {
      cwd: folder,
      env: { COLORTERM: "truecolor", NO_COLOR: "" },
    });

  it("draws the image in half blocks, and previews over each other", async () => {
    const call = ["red apple", "--steps", "3", "--seed", "7", "--preview", "--out", "shown.png"];
    const { code, shown } = await start(...call).end();
    assertEquals(code, 0, shown);
    const rows = shown.split("\n").filter((line) => line.includes("▀")).length;
    assert(rows > 40, `${rows} rows of two previews and an image`);
    // each preview is taken away
    // deno-lint-ignore no-control-regex
    assertEquals(shown.match(/\x1b\[\d+A\x1b\[J/g)?.length, 2);
    assertStringIncludes(shown, "shown.png (seed 7)");
  });

  it("asks for prompts where none is given, and draws them with what is set", async () => {
    const run = start("--steps", "500", "--seed", "3");
    await run.until("prompt> ");
    await run.type("/steps 2\r");
    await run.until(/prompt> [^]*prompt> /);
    await run.type("red apple\r");
    await run.until("red-apple.png (seed 3)");
    await run.type("/nonsense\r");
    await run.until(/there is no \/nonsense[^]*\/quit/);
    await run.type("/steps 0\r");
    await run.until('error: Cannot take "/steps 0": it must be an integer');
    await run.type("/steps 400\r");
    await run.type("green pear\r");
    await run.until(/ [1-9]\d*\/400/);
    await run.type("\x03");
    await run.type("/steps 1\r/seed 4\r\r");
    await run.until("green-pear.png (seed 4)");
    await run.type("/quit\r");
    const { code, shown } = await run.end();
    assertEquals(code, 0, shown);
    const { steps } = JSON.parse((await denoise("recipe", "red-apple.png", "--json")).stdout);
    assertEquals(steps, 2);
  });

  it("ends at Ctrl-C, with its line ended and nothing written", async () => {
    const run = start("red apple", "--steps", "500", "--out", "never.png");
    await run.until(/ [1-9]\d*\/500/);
    await run.type("\x03");
    const { code, shown } = await run.end();
    assertEquals(code, 130, shown);
    assert(shown.endsWith("\n"), "the line of the bar is ended");
    assert(!shown.includes("\x1b[?25l"), "the cursor was never hidden");
    assertEquals(await Deno.stat(`${folder}/never.png`).catch(() => "none"), "none");
  });
});

describe("denoise recipe", () => {
  it("says what an image of each format was made from, and how to make it again", async () => {
    const call = ["a red 'apple'", "--model", REPO, "--steps", "2", "--seed", "5"];
    const flags = ["--guidance", "3", "--negative", "blue"];
    const made: string[] = [];
    for (const name of ["r.png", "r.jpg", "r.webp"]) {
      await denoise("generate", ...call, ...flags, "--out", name);
      const { code, stdout, stderr } = await denoise("recipe", name, "--json");
      assertEquals(code, 0, stderr);
      const { prompt, steps, seed } = JSON.parse(stdout);
      assertEquals([prompt, steps, String(seed)], ["a red 'apple'", 2, "5"]);
      made.push((await denoise("recipe", name)).stdout.trim().split("\n").at(-1)!);
    }
    assertEquals(new Set(made).size, 1);
    const line = `${made[0]!.replace("denoise generate", "set --")}; printf '%s\\n' "$@"`;
    const { stdout } = await new Deno.Command("sh", { args: ["-c", line] }).output();
    const words = new TextDecoder().decode(stdout).trim().split("\n");
    const again = await denoiseBytes(["generate", ...words, "--out", "-"]);
    assertEquals(again.code, 0, again.stderr);
    const first = await decodeImage(await Deno.readFile(`${folder}/r.png`));
    assertEquals((await decodeImage(again.stdout)).data.toHex(), first.data.toHex());
    await Deno.copyFile(IMAGE, `${folder}/other.png`);
    const none = await denoise("recipe", "other.png");
    assertEquals([none.code, none.stderr.includes("Cannot find a recipe")], [1, true]);
  });

  it("names the places of files that an image began with", async () => {
    const call = ["x", "--model", REPO, "--steps", "2", "--image", IMAGE, "--strength", "0.5"];
    const made = await denoise("generate", ...call, "--out", "begun.png");
    assertEquals(made.code, 0, made.stderr);
    const { stdout } = await denoise("recipe", "begun.png");
    const [note, command] = stdout.trim().split("\n").slice(-2);
    assert(note!.startsWith("Put the files that it began with"), stdout);
    assert(command!.includes(" --strength 0.5 ") && command!.endsWith(" --image IMAGE"), stdout);
  });

  it("leaves no line of steps before an error", async () => {
    const { code, stderr } = await denoise("generate", "x", "--model", REPO, "--size", "50");
    assertEquals([code, stderr.includes("0step")], [1, false], stderr);
  });
});

describe("the lists of denoise", () => {
  it("name schedulers, models and downloads", async () => {
    const schedulers = await denoise("schedulers");
    assertMatch(schedulers.stdout, /^euler-discrete +EulerDiscreteScheduler$/m);
    const models = JSON.parse((await denoise("models", "--json")).stdout);
    assert(models.bundled.includes("denoise/emoji"));
    assert(models.families["stable-diffusion"].includes("inpainting"));
    const lists = [["ls"], ["cache"], ["cache", "ls"], ["cache", "list"]];
    const printed = await Promise.all(lists.map(async (args) => (await denoise(...args)).stdout));
    assertEquals(new Set(printed).size, 1);
    assertEquals((await denoise("rm", "no/such-repo")).code, 1);
  });

  it("complete commands, flags and values", async () => {
    const complete = async (...words: string[]) =>
      (await denoise("complete", "--", ...words)).stdout.trim().split("\n");
    assertEquals(await complete("gen"), ["generate"]);
    assertEquals(await complete("generate", "--textual"), ["--textual-inversion"]);
    assertEquals(await complete("generate", "--quantization", "int"), ["int8", "int4"]);
    assert((await complete("generate", "x", "--scheduler", "euler")).includes("euler-discrete"));
    assert((await complete("serve", "--model", "denoise/")).includes("denoise/emoji"));
  });
});

describe("denoise completion", () => {
  const program = [Deno.execPath(), ...PROGRAM].map((word) => `'${word}'`).join(" ");
  const run = async (shell: string, ...args: string[]) => {
    const { stdout } = await new Deno.Command(shell, { args, cwd: folder }).output();
    return new TextDecoder().decode(stdout);
  };

  it("completes in bash", async () => {
    if (!await hasProgram("bash")) {
      return void console.log("there is no bash here: its completion is not tried");
    }
    const lines = [
      `denoise() { ${program} "$@"; }`,
      (await denoise("completion", "bash")).stdout,
      "COMP_WORDS=(denoise generate --sche); COMP_CWORD=2; _denoise; echo ${COMPREPLY[@]}",
    ];
    assertEquals(await run("bash", "-c", lines.join("\n")), "--scheduler\n");
  });

  it("completes in fish, file names where anything may stand", async () => {
    if (!await hasProgram("fish")) {
      return void console.log("there is no fish here: its completion is not tried");
    }
    await Deno.writeTextFile(`${folder}/completed-by-fish.txt`, "");
    const lines = [
      `function denoise; ${program} $argv; end`,
      (await denoise("completion", "fish")).stdout,
      "complete -C 'denoise generate --sche'",
      "complete -C 'denoise generate x --quantization int'",
      "complete -C 'denoise completion '",
      "complete -C 'denoise recipe completed-by-fi'",
    ];
    assertEquals((await run("fish", "--no-config", "-c", lines.join("\n"))).trim().split("\n"), [
      "--scheduler",
      "int4",
      "int8",
      "bash",
      "fish",
      "zsh",
      "completed-by-fish.txt",
    ]);
  });

  it("completes in zsh, file names where anything may stand", async () => {
    if (!hasTerminals || !await hasProgram("zsh")) {
      return void console.log("there is no zsh here, or no terminal: its completion is not tried");
    }
    await Deno.writeTextFile(`${folder}/completed-by-zsh.txt`, "");
    const script = (await denoise("completion", "zsh")).stdout;
    await Deno.writeTextFile(`${folder}/_denoise`, script);
    const lines = [
      "autoload -U compinit; compinit -u -D",
      // what it completes is asked of the program; what is typed is shown as it would be run
      `denoise() { if [[ $1 == complete ]]; then ${program} "$@"; else print "run: $*:"; fi }`,
      "source ./_denoise; bindkey '^I' complete-word; print loa''ded",
    ];
    await Deno.writeTextFile(`${folder}/completion.zsh`, lines.join("\n"));
    const zsh = onTerminal(["zsh", "-f", "-i"], { cwd: folder });
    await zsh.type("source completion.zsh\r");
    await zsh.until("loaded");
    for (
      const [typed, run] of [
        ["denoise generate --sche", "run: generate --scheduler:"],
        ["denoise ins", "run: inspect:"],
        ["denoise recipe completed-by-z", "run: recipe completed-by-zsh.txt:"],
      ] as const
    ) {
      await zsh.type(`${typed}\t\r`);
      await zsh.until(run);
    }
    await zsh.type("exit\r");
    await zsh.end();
  });
});

/** `denoise serve`, once it listens. */
async function serve(flags: readonly string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, "serve", ...flags],
    cwd: folder,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!/listens on (\S+)/.test(said)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the server ended: ${said}`);
    said += value;
  }
  return { child, reader, url: said.match(/listens on (\S+)/)![1]! };
}

/** The processes that one has started, and theirs. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-e", "-o", "pid=,ppid="] }).output();
  const rows = new TextDecoder().decode(stdout).trim().split("\n")
    .map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] =>
    rows.filter(([_, of]) => of === parent).flatMap(([pid]) => [pid, ...below(pid)]);
  return below(pid);
}

/** Whether there is such a process that still runs. */
async function isRunning(pid: number): Promise<boolean> {
  const args = ["-o", "stat=", "-p", String(pid)];
  const { stdout } = await new Deno.Command("ps", { args }).output();
  return /^[^Z\s]/.test(new TextDecoder().decode(stdout));
}

describe("denoise serve", () => {
  it("leaves no process behind when it is killed", async () => {
    const flags = ["--port", "0", "--model", `tiny=${REPO}`, "--set", "ENGINE=child"];
    const { child, reader, url } = await serve(flags);
    await until(async () => {
      const answer = await fetch(`${url}/readyz`);
      await answer.body?.cancel();
      return answer.ok;
    });
    const started = await descendants(child.pid);
    assert(started.length >= 2, `server and engine: ${started}`);
    child.kill("SIGKILL");
    await child.status;
    for (const pid of started) await until(async () => !await isRunning(pid));
    await reader.cancel();
  });

  it("serves the models that flags name, until it is asked to end", async () => {
    const flags = ["--port", "0", "--host", "127.0.0.1", "--model", `tiny=${REPO}`];
    const more = ["--key", "me:secret-key", "--set", "ENGINE=inline"];
    const { child, reader, url } = await serve([...flags, ...more]);
    await until(async () => {
      const answer = await fetch(`${url}/readyz`);
      await answer.body?.cancel();
      return answer.ok;
    });
    const answer = await fetch(`${url}/v1/models`, {
      headers: { authorization: "Bearer secret-key" },
    });
    assertStringIncludes(await answer.text(), '"tiny"');
    const refused = await fetch(`${url}/v1/models`);
    await refused.body?.cancel();
    assertEquals(refused.status, 401);
    child.kill("SIGTERM");
    await reader.cancel();
    assertEquals((await child.status).code, 0);
    const wrong = await denoise("serve", "--set", "PORT");
    assertEquals([wrong.code, wrong.stderr.includes("write NAME=VALUE")], [1, true]);
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

  it("says where the Hub's token lies", async () => {
    const file = `${folder}/token`;
    const tokenWith = async (env: Record<string, string>) => {
      const all = { HF_TOKEN: "", HF_TOKEN_PATH: `${folder}/no-token`, ...env };
      const { stdout } = await denoiseBytes(["doctor"], undefined, all);
      return new TextDecoder().decode(stdout).match(/^token of the Hub: (.*)$/m)?.[1];
    };
    await Deno.writeTextFile(file, "hf_kept\n");
    assertEquals(await tokenWith({ HF_TOKEN_PATH: file }), file);
    assertEquals(await tokenWith({ HF_TOKEN: "hf_named", HF_TOKEN_PATH: file }), "HF_TOKEN");
    assertStringIncludes(await tokenWith({}) ?? "", "none (public repos only");
    assertStringIncludes(await tokenWith({ HF_TOKEN: "hf_a b" }) ?? "", "paste it again");
  });
});

describe("findScheduler()", () => {
  it("takes class names and shorter forms", async () => {
    for (const name of ["EulerDiscreteScheduler", "euler", "euler-discrete", "Euler Discrete"]) {
      assertEquals((await findScheduler(name, registry)).className, "EulerDiscreteScheduler");
    }
    assertEquals((await findScheduler("ddim", registry)).className, "DDIMScheduler");
  });

  it("says what was meant by a name that is none, or a few, and where all are listed", async () => {
    for (
      const [name, said] of [
        ["eulr", "did you mean EulerDiscreteScheduler? `denoise schedulers` lists all"],
        ["zzzz", " more, which `denoise schedulers` lists"],
        ["flow", "several schedulers fit"],
      ] as const
    ) {
      const error = await assertRejects(() => findScheduler(name, registry), RangeError);
      assertStringIncludes(error.message, said);
      assert(error.message.match(/Scheduler\b/g)!.length <= 3, error.message);
    }
  });

  it("is looked for before a model is loaded", async () => {
    const { code, stderr } = await denoise(
      "generate",
      "a",
      "--model",
      "./none",
      "--scheduler",
      "eulr",
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "did you mean EulerDiscreteScheduler?");
  });
});
