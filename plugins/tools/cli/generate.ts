import process from "node:process";
import {
  type Audio,
  type Image,
  type PipelineLoadOptions,
  type PipelineStep,
  type Registry,
  type TorchDtype,
  VERSION,
} from "@denoise/core";
import { registry as builtIn } from "@denoise/denoise/registry";
import { id as EMBEDDED } from "@denoise/embedded-emoji";
import {
  type AnyOutput,
  type AnyPipeline,
  countOption,
  diffusionPipeline,
  leftOut,
  lengthOption,
  recipeOption,
} from "@denoise/loading";
import { showImage } from "@denoise/terminal";
import { type Command, Option } from "commander";
import { type AdapterFlags, fileWithNumber, fileWithWord, loadAdapters } from "./adapters.ts";
import { AUTO, deviceOf, ENGINE } from "./device.ts";
import { checkFiles, imageInput, readInput, STANDARD_INPUT } from "./input.ts";
import { interact, isInteractive } from "./interactive.ts";
import { interruptible } from "./interrupt.ts";
import { findScheduler, withModelMeant } from "./names.ts";
import { integer, number, seed, several, size } from "./options.ts";
import { checkOut, outputPaths, STANDARD_OUTPUT, writeResult } from "./output.ts";
import { type OwnOption, ownOption, ownOptionsOf, readOwnOptions } from "./own_options.ts";
import { addPlugins, PLUGIN } from "./plugins.ts";
import {
  type AnyClass,
  checkGiven,
  classNamed,
  controlFlags,
  controlNetLoader,
  ESTIMATE,
  foreignFlags,
  type Given,
  loadNets,
  OPTIONS,
  type Task,
  taskFor,
} from "./tasks.ts";
import { downloadBar, formatBytes, withProgress } from "./terminal.ts";

/** What `generate` was given. */
export interface GenerateFlags extends Given, AdapterFlags {
  readonly model: string;
  readonly pipeline?: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly seed?: bigint;
  readonly scheduler?: string;
  readonly negative?: string;
  readonly eta?: number;
  readonly clipSkip?: number;
  readonly promptSyntax?: string;
  readonly ipAdapterImage?: string;
  readonly count: number;
  readonly out?: string;
  readonly force?: true;
  readonly device: string;
  readonly dtype?: string;
  readonly quantization?: string;
  readonly variant?: string;
  readonly revision?: string;
  readonly preview?: number | true;
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly length?: number;
  readonly lyrics?: string;
  readonly option: readonly OwnOption[];
  readonly plugin: readonly string[];
}

/** Adds `generate PROMPT`. */
export function addGenerate(program: Command): void {
  program.command("generate")
    .description(
      "make images from a prompt; without one, images or audio of one kind, or as you type prompts",
    )
    .argument("[prompt...]", 'what the image should show; "-" reads it from standard input')
    .option("-m, --model <id>", "Hub id or folder of a diffusers repo", EMBEDDED)
    .option(
      "--pipeline <class>",
      "the pipeline to call it by, where that is not its own: StableDiffusionDiffEditPipeline",
    )
    .option("-s, --steps <n>", "denoising steps", integer(1, 10_000))
    .option("-g, --guidance <scale>", "how closely to follow the prompt", number(0, 100))
    .option("--seed <n>", "what the noise is drawn from; image i takes seed + i", seed)
    .option("--scheduler <name>", 'scheduler, such as "euler"; `denoise schedulers` lists them')
    .option("--size <size>", 'in pixels, "512" or "768x512" (width x height)', size)
    .option("--negative <prompt>", "what the image should not show")
    .option("--eta <share>", "how much noise DDIM adds at each step, 0 to 1", number(0, 1))
    .option("--clip-skip <n>", "layers of CLIP that are left out at its end", integer(0, 31))
    .addOption(
      new Option(
        "--prompt-syntax <name>",
        "how prompts weigh words: a1111 (word:1.3), compel word++",
      )
        .choices(["compel", "a1111"]),
    )
    .option(
      "--image <file>",
      'an image to begin with or to refer to; "-" reads it from standard input; repeatable',
      several(String),
      [],
    )
    .option("--mask <file>", "what of it is inpainted: white on black")
    .option("--strength <share>", "denoising strength, 0 to 1", number(0, 1))
    .option("--depth <file>", 'how near things are, light is near; "estimate" asks the model')
    .option("--controlnet <id>", "a ControlNet, Hub id or folder; repeatable", several(String), [])
    .option("--adapter <id>", "a T2I-Adapter, Hub id or folder; repeatable", several(String), [])
    .option("--control-image <file>", "what it follows; one for each", several(String), [])
    .option("--control-scale <n>", "how closely; one for each", several(number(0, 10)), [])
    .option(
      "--control-mode <n>",
      "the kind of each control image, for a ControlNet of several kinds; repeatable",
      several(integer(0, 100)),
      [],
    )
    .option(
      "--lora <file>",
      'a LoRA, "file.safetensors" or "file.safetensors:0.8"; repeatable',
      several(fileWithNumber),
      [],
    )
    .option(
      "--textual-inversion <file>",
      'a learned word, "file.safetensors" or "file.safetensors:<word>"; repeatable',
      several(fileWithWord),
      [],
    )
    .option(
      "--ip-adapter <file>",
      'an IP-Adapter, "file.safetensors" or "file.safetensors:0.6"; repeatable',
      several(fileWithNumber),
      [],
    )
    .option("--ip-adapter-image <file>", "the image that IP-Adapters follow")
    .option("--lyrics <text>", "what is sung, with marks such as [verse], by models that sing")
    .option("--length <seconds>", "how long an audio clip is", number(0.001, 3600))
    .option(
      "--option <name=value>",
      "an option that the pipeline alone has, by diffusers' name; repeatable, for a list too; " +
        "`denoise inspect MODEL` lists them",
      several(ownOption),
      [],
    )
    .option("-n, --count <n>", "how many images or audio clips", integer(1, 64), 1)
    .option(
      "-o, --out <file>",
      'where to write: .png, .jpg, .jpeg or .webp, .wav for audio; "%03d" is the number; ' +
        '"-" is standard output',
    )
    .option("-f, --force", "write over files that are there, instead of choosing another number")
    .option("-d, --device <device>", "auto, cpu, cuda, tensorrt, webgpu, coreml or dml", AUTO)
    .addOption(
      new Option("--dtype <type>", "what the models compute in").choices([
        "float32",
        "float16",
        "bfloat16",
      ]),
    )
    .addOption(
      new Option("--quantization <kind>", "smaller weights: int8 is faster on CPUs, int4 smallest")
        .choices(["int8", "int4"]),
    )
    .option("--variant <name>", 'which weights, such as "fp16"')
    .option("--revision <name>", "branch, tag or commit of the repo")
    .option("--preview [steps]", "draw each step on the terminal, or each so manieth", integer(1))
    .option(...PLUGIN)
    .option("--json", "print one JSON object an image or audio clip instead of text")
    .option("-q, --quiet", "print nothing but errors and --json")
    .option("-v, --verbose", "say what takes how long")
    .addHelpText(
      "after",
      "\nExamples:" +
        '\n  denoise generate "red apple on a blue background" --seed 7' +
        '\n  denoise generate "a castle" --model ID --image sketch.png --strength 0.7' +
        '\n  denoise generate "a bird" --model ID --controlnet ID --control-image edges.png' +
        '\n  denoise generate "a frog" --model ID --option prior_num_inference_steps=10' +
        '\n  denoise generate "a cat" --out - | magick - cat.gif',
    )
    .showHelpAfterError(
      "(add --help for what there is; options of one pipeline are given as --option NAME=VALUE)",
    )
    .action(async (words: string[], flags: GenerateFlags) => {
      const given = words.length === 0 ? undefined : words.join(" ");
      await generate(given, flags, await addPlugins(builtIn, flags.plugin));
    });
}

async function generate(
  given: string | undefined,
  flags: GenerateFlags,
  registry: Registry,
): Promise<void> {
  checkGiven(flags);
  checkAdapters(flags);
  await checkFiles(filesOf(flags));
  const { out, count, force, quiet } = flags;
  await checkOut({ out, count, force });
  const isFromInput = given === STANDARD_INPUT;
  if (isFromInput && [...flags.image, flags.mask, flags.depth].includes(STANDARD_INPUT)) {
    throw new TypeError("Cannot read prompt and image from standard input: give - for one of them");
  }
  const prompt = isFromInput ? await readPrompt() : given ?? "";
  const say = (text: string) => flags.verbose && console.error(text);
  const bar = downloadBar(quiet);
  const { variant, revision, dtype, quantization } = flags;
  const device = await deviceOf(flags.device);
  const load = {
    device,
    variant,
    torchDtype: dtype as TorchDtype | undefined,
    quantization: quantization as "int8" | "int4" | undefined,
    ...(device === "cpu" && ENGINE !== undefined ? { engine: ENGINE } : {}),
    progress: !quiet,
    onProgress: bar.onProgress,
  } as const;
  const Scheduler = flags.scheduler === undefined
    ? undefined
    : await findScheduler(flags.scheduler, registry);
  const start = performance.now();
  const pipe = await interruptible((signal) =>
    loadPipeline(flags, registry, { ...load, signal, revision }).finally(bar.stop)
  ).catch(async (error) => {
    throw await withModelMeant(error, flags.model);
  });
  say(`denoise ${VERSION}: ${pipe.className} of ${flags.model} on ${device}`);
  say(`loaded in ${seconds(start)}`);
  let used = pipe;
  try {
    if (Scheduler !== undefined) {
      if (!("scheduler" in pipe.components)) throw noOneScheduler(pipe);
      pipe.scheduler = Scheduler.fromConfig(pipe.scheduler.config);
    }
    await loadAdapters(pipe, flags);
    const Class = await classNamed(pipe.className, registry);
    if (!Class.takesPrompt) refusePrompt(Class, prompt, flags);
    refuseLength(Class, flags);
    refuseLyrics(Class, flags);
    const task = await interruptible((signal) =>
      taskFor(pipe, flags, controlNetLoader(registry, { ...load, signal }), registry)
    ).finally(bar.stop);
    used = task.pipe;
    refuseForeign(task.Class, flags);
    const own = await readOwnOptions(task.Class, flags.option);
    const run = { ...task, own };
    if (given === undefined && task.Class.takesPrompt && isInteractive(flags)) {
      return await interact(flags, (prompt, flags) => draw({ ...run, flags }, prompt));
    }
    if (task.Class.takesPrompt) checkPrompt(given, task.Class, flags);
    await draw({ ...run, flags }, prompt);
  } finally {
    await used.dispose();
    await pipe.dispose();
  }
}

/** The pipeline of the model, or the one that is asked for with its ControlNets or T2I-Adapters. */
async function loadPipeline(
  { model, pipeline, controlnet, adapter }: GenerateFlags,
  registry: Registry,
  options: PipelineLoadOptions<object>,
): Promise<AnyPipeline> {
  if (pipeline === undefined) {
    return await diffusionPipeline(registry).fromPretrained(model, options);
  }
  const Class = await classNamed(pipeline, registry);
  const { revision: _, ...load } = options;
  const nets = await loadNets({ controlnet, adapter }, Class, controlNetLoader(registry, load));
  const loaded = await Class.using(registry).fromPretrained(model, { ...options, ...nets });
  return loaded as unknown as AnyPipeline;
}

/** A task, and what `--option` gives to its call. */
interface OwnTask extends Task {
  readonly own: Readonly<Record<string, unknown>>;
}

/** Makes the images of one prompt, writes and shows them. */
async function draw(
  { flags, ...task }: OwnTask & { readonly flags: GenerateFlags },
  prompt: string,
): Promise<void> {
  const { out, count, force, quiet, verbose } = flags;
  const { makes, className } = task.pipe;
  if (makes === "embeddings") {
    throw new TypeError(
      `Cannot generate with ${className}: it makes embeddings, which another pipeline takes`,
    );
  }
  const paths = await outputPaths(prompt, { out, count, force }, makes);
  const start = performance.now();
  const preview = flags.preview === true ? 1 : flags.preview;
  const output = await interruptible(async (signal) =>
    await withProgress(await startRun(task, prompt, flags, signal), { quiet, preview })
  );
  const { images, audios = [], furtherImages = {} } = output;
  const left = leftOut(output, className);
  if (left !== undefined && !quiet) console.error(left);
  if (verbose) {
    const memory = formatBytes(process.memoryUsage.rss());
    console.error(`made in ${seconds(start)}, with ${memory} of memory`);
  }
  const made = audios.length > 0 ? audios : images;
  // a model of layers makes several of each
  const files = made.length <= paths.length
    ? paths
    : await outputPaths(prompt, { out, count: made.length, force }, makes);
  for (const [index, one] of made.entries()) {
    const path = files[index]!;
    await writeOne(path, one, flags);
    for (const [what, all] of Object.entries(furtherImages)) {
      if (path === STANDARD_OUTPUT) {
        if (!quiet) console.error(`${what} is left out: standard output takes one result`);
        continue;
      }
      const beside = path.replace(/\.\w+$/, `-${what}.png`);
      const [further] = await outputPaths(prompt, { out: beside, count: 1, force }, "images");
      await writeOne(further!, all[index]!, flags);
    }
  }
}

/** Writes an image or audio clip, shows it, and says where it is. */
async function writeOne(
  path: string,
  one: Image | Audio,
  { json, quiet }: GenerateFlags,
): Promise<void> {
  await writeResult(path, one);
  if (path === STANDARD_OUTPUT) return;
  if (json) console.log(JSON.stringify({ path, ...one.recipe }));
  else if (!quiet) {
    if ("width" in one) await showImage(one);
    console.log(`${path} (seed ${one.recipe?.seed ?? "unknown"})`);
  }
}

/** The files that flags name. */
function filesOf(flags: GenerateFlags): Record<string, readonly (string | undefined)[]> {
  const { image, mask, depth, controlImage, ipAdapterImage, lora, textualInversion, ipAdapter } =
    flags;
  const weights = (all: readonly { readonly file: string }[]) => all.map(({ file }) => file);
  return {
    image,
    mask: [mask],
    depth: depth === ESTIMATE ? [] : [depth],
    "control-image": controlImage,
    "ip-adapter-image": [ipAdapterImage],
    lora: weights(lora),
    "textual-inversion": weights(textualInversion),
    "ip-adapter": weights(ipAdapter),
  };
}

/** The prompt that comes on standard input. */
async function readPrompt(): Promise<string> {
  const text = new TextDecoder().decode(await readInput()).trim();
  if (text === "") throw new TypeError("Cannot read a prompt from standard input: nothing came");
  return text;
}

/** What takes a prompt is not called without one by oversight; an empty one is a choice. */
function checkPrompt(
  given: string | undefined,
  { makes }: AnyClass,
  { quiet, json }: GenerateFlags,
): void {
  if (given === undefined) {
    throw new TypeError(
      "Cannot generate without a prompt: say in quotes what to make, as in " +
        '`denoise generate "red apple"`; "" leaves it to the model',
    );
  }
  if (given.trim() !== "" || quiet || json) return;
  const what = makes === "audio" ? "the audio is" : "the image shows";
  console.error(`note: the prompt is empty, so that the model chooses what ${what}`);
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** IP-Adapters and their image go together. */
function checkAdapters({ ipAdapter, ipAdapterImage }: GenerateFlags): void {
  if (ipAdapter.length > 0 && ipAdapterImage === undefined) {
    throw new TypeError("Cannot use an IP-Adapter without an image: give --ip-adapter-image");
  }
  if (ipAdapter.length === 0 && ipAdapterImage !== undefined) {
    throw new TypeError(
      "Cannot follow --ip-adapter-image without an IP-Adapter: give --ip-adapter",
    );
  }
}

/** Flags of options that only some classes have. */
const OWN = {
  steps: "numInferenceSteps",
  guidance: "guidanceScale",
  negative: "negativePrompt",
  eta: "eta",
  clipSkip: "clipSkip",
  promptSyntax: "promptSyntax",
  ipAdapterImage: "ipAdapterImage",
} as const;

function refuseForeign({ className, options }: AnyClass, flags: GenerateFlags): void {
  const foreign = foreignFlags(flags, options, OWN);
  if (foreign.length === 0) return;
  const own = [...ownOptionsOf({ options }).keys()].join(", ");
  throw new TypeError(
    `Cannot give ${foreign.join(" and ")} to ${className}: leave that out` +
      (own === "" ? "" : `, or give one of its own as --option NAME=VALUE: ${own}`),
  );
}

/** A model that takes no text takes none of what goes with it either. */
function refusePrompt(
  { className, options }: AnyClass,
  prompt: string,
  flags: GenerateFlags,
): void {
  const unused = [
    prompt && "a prompt",
    flags.negative && "--negative",
    flags.guidance !== undefined && !("guidanceScale" in options) && "--guidance",
    ...foreignFlags(flags, options, OPTIONS),
    ...controlFlags(flags),
  ].filter(Boolean);
  if (unused.length === 0) return;
  throw new TypeError(
    `Cannot give ${unused.join(" and ")} to ${className}: it makes what is of the one kind ` +
      `it was trained on; leave that out, or name another --model`,
  );
}

/** A length is for audio. */
function refuseLength({ className, makes, options }: AnyClass, { length }: GenerateFlags): void {
  if (length === undefined || lengthOption({ options }) !== undefined) return;
  throw new TypeError(
    `Cannot give --length to ${className}: it makes ${makes}${
      makes === "audio" ? " of one length" : ""
    }; models of StableAudioPipeline and DanceDiffusionPipeline take it`,
  );
}

/** A scheduler takes another's place where there is one. */
function noOneScheduler({ className, components }: AnyPipeline): TypeError {
  const roles = Object.keys(components).filter((role) => /scheduler$/i.test(role));
  const has = roles.length === 0 ? "no scheduler" : `several (${roles.join(", ")})`;
  return new TypeError(`Cannot give --scheduler to ${className}: it has ${has}; leave it out`);
}

/** Lyrics are for models that sing. */
function refuseLyrics({ className, options }: AnyClass, { lyrics }: GenerateFlags): void {
  if (lyrics === undefined || "lyrics" in options) return;
  throw new TypeError(
    `Cannot give --lyrics to ${className}: it sings none; models of AceStepPipeline do`,
  );
}

/** Starts the run: what is not given is left to the model's own defaults. */
async function startRun(
  { pipe, Class, options, own }: OwnTask,
  prompt: string,
  flags: GenerateFlags,
  signal: AbortSignal,
): Promise<AsyncGenerator<PipelineStep, AnyOutput, void>> {
  const image = flags.ipAdapterImage && await imageInput(flags.ipAdapterImage);
  const many = countOption(Class);
  if (many === undefined && flags.count > 1) {
    throw new TypeError(`Cannot give --count to ${Class.className}: it makes one of a kind a call`);
  }
  const length = lengthOption(Class);
  const all = {
    ...options,
    ...own,
    ...recipeOption(own, Class, flags.pipeline),
    seed: flags.seed,
    numInferenceSteps: flags.steps,
    guidanceScale: flags.guidance,
    negativePrompt: flags.negative,
    ...(length === undefined ? {} : { [length]: flags.length }),
    signal,
    ...(flags.lyrics === undefined ? {} : { lyrics: flags.lyrics }),
    ...(flags.eta === undefined ? {} : { eta: flags.eta }),
    ...(flags.clipSkip === undefined ? {} : { clipSkip: flags.clipSkip }),
    ...(flags.promptSyntax === undefined ? {} : { promptSyntax: flags.promptSyntax }),
    ...(flags.ipAdapterImage === undefined
      ? {}
      : { ipAdapterImage: flags.ipAdapter.map(() => image) }),
    ...(flags.preview === undefined ? {} : { preview: "linear" }),
    ...(many === undefined ? {} : { [many]: flags.count }),
  };
  return Class.takesPrompt ? pipe.stream(prompt, all) : pipe.stream(all);
}
