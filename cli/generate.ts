import type { PipelineStep, Registry, TorchDtype } from "@denoise/core";
import { type AnyOutput, diffusionPipeline } from "@denoise/loading";
import { id as EMBEDDED } from "@denoise/embedded-emoji";
import { loadLoraWeights } from "@denoise/lora";
import { showImage } from "@denoise/terminal";
import { type Command, Option } from "commander";
import { registry as builtIn } from "@denoise/denoise/registry";
import { integer, number, seed, several, size } from "./options.ts";
import { checkOut, outputPaths } from "./output.ts";
import { addPlugins, PLUGIN } from "./plugins.ts";
import { findScheduler } from "./scheduler_name.ts";
import {
  type AnyClass,
  checkGiven,
  controlFlags,
  controlNetLoader,
  foreignFlags,
  type Given,
  type Task,
  taskFor,
} from "./tasks.ts";
import { downloadBar, withProgress } from "./terminal.ts";

interface GenerateFlags extends Given {
  readonly model: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly seed?: bigint;
  readonly scheduler?: string;
  readonly negative?: string;
  readonly count: number;
  readonly out?: string;
  readonly device: string;
  readonly dtype?: string;
  readonly quantization?: string;
  readonly variant?: string;
  readonly revision?: string;
  readonly json?: true;
  readonly lora: readonly string[];
  readonly length?: number;
  readonly plugin: readonly string[];
}

/** Adds `generate PROMPT`. */
export function addGenerate(program: Command): void {
  program.command("generate")
    .description("make images from a prompt; without one, images or audio of one kind")
    .argument("[prompt...]", "what the image should show")
    .option("-m, --model <id>", "Hub id or folder of a diffusers repo", EMBEDDED)
    .option("-s, --steps <n>", "denoising steps", integer(1, 10_000))
    .option("-g, --guidance <scale>", "how closely to follow the prompt", number(0, 100))
    .option("--seed <n>", "what the noise is drawn from; image i takes seed + i", seed)
    .option("--scheduler <name>", 'scheduler, such as "euler" or "DDIMScheduler"')
    .option("--size <size>", 'in pixels, "512" or "768x512" (width x height)', size)
    .option("--negative <prompt>", "what the image should not show")
    .option("--image <file>", "an image to begin with")
    .option("--mask <file>", "what of it is inpainted: white on black")
    .option("--strength <share>", "denoising strength, 0 to 1", number(0, 1))
    .option("--depth <file>", 'how near things are, light is near; "estimate" lets the model see')
    .option("--controlnet <id>", "a ControlNet, Hub id or folder; repeatable", several(String), [])
    .option("--control-image <file>", "what it follows; one for each", several(String), [])
    .option("--control-scale <n>", "how closely; one for each", several(number(0, 10)), [])
    .option(
      "--lora <file>",
      'a LoRA, "file.safetensors" or "file.safetensors:0.8"; repeatable',
      several(String),
      [],
    )
    .option("--length <seconds>", "how long an audio clip is", number(0, 3600))
    .option("-n, --count <n>", "how many images or audio", integer(1, 64), 1)
    .option("-o, --out <file>", "where to write: .png, .jpg, .jpeg or .webp; .wav for audio")
    .option("-d, --device <device>", "cpu, cuda, tensorrt, webgpu, coreml or dml", "cpu")
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
    .option(...PLUGIN)
    .option("--json", "print one JSON object an image instead of text")
    .addHelpText(
      "after",
      "\nExamples:" +
        '\n  denoise generate "red apple on a blue background" --seed 7' +
        '\n  denoise generate "a castle" --model ID --image sketch.png --strength 0.7' +
        '\n  denoise generate "a bird" --model ID --controlnet ID --control-image edges.png',
    )
    .action(async (words: string[], flags: GenerateFlags) => {
      await generate(words.join(" "), flags, await addPlugins(builtIn, flags.plugin));
    });
}

async function generate(prompt: string, flags: GenerateFlags, registry: Registry): Promise<void> {
  checkGiven(flags);
  await checkOut(flags.out, flags.count);
  const bar = downloadBar();
  const { variant, revision, dtype, quantization } = flags;
  const load = {
    device: flags.device as "cpu",
    variant,
    torchDtype: dtype as TorchDtype | undefined,
    quantization: quantization as "int8" | "int4" | undefined,
    onProgress: bar.onProgress,
  };
  const pipe = await diffusionPipeline(registry)
    .fromPretrained(flags.model, { ...load, revision })
    .finally(bar.stop);
  let used = pipe;
  try {
    if (flags.scheduler !== undefined) {
      const Scheduler = await findScheduler(flags.scheduler, registry);
      pipe.scheduler = Scheduler.fromConfig(pipe.scheduler.config);
    }
    for (const lora of flags.lora) {
      const [_, file, weight] = lora.match(/^(.*?)(?::(-?[\d.]+))?$/)!;
      await loadLoraWeights(pipe, file!, weight === undefined ? {} : { weight: Number(weight) });
    }
    const Class = await registry.get(pipe.className, "pipeline") as unknown as AnyClass;
    if (!Class.takesPrompt) refusePrompt(Class, prompt, flags);
    refuseLength(Class, flags);
    const controlNet = await controlNetLoader(registry, load);
    const task = await taskFor(pipe, flags, controlNet, registry).finally(bar.stop);
    used = task.pipe;
    const { makes } = used;
    if (makes === "embeddings") {
      throw new TypeError(
        `Cannot generate with ${used.className}: it makes embeddings, which another pipeline takes`,
      );
    }
    const paths = await outputPaths(prompt, flags.out, flags.count, makes);
    const { images, audios = [] } = await withProgress(start(task, prompt, flags));
    for (const [index, one] of (audios.length > 0 ? audios : images).entries()) {
      const path = paths[index]!;
      await one.save(path);
      if (flags.json) console.log(JSON.stringify({ path, ...one.recipe }));
      else {
        if ("width" in one) await showImage(one);
        console.log(`${path} (seed ${one.recipe?.seed ?? "unknown"})`);
      }
    }
  } finally {
    await used.dispose();
    await pipe.dispose();
  }
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
    ...foreignFlags(flags, options),
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
  if (length === undefined || "audioLengthInS" in options) return;
  throw new TypeError(
    `Cannot give --length to ${className}: it makes ${makes}${
      makes === "audio" ? " of one length" : ""
    }; a model of DanceDiffusionPipeline takes it, such as harmonai/maestro-150k`,
  );
}

/** Starts the run: what is not given is left to the model's own defaults. */
function start(
  { pipe, Class, options }: Task,
  prompt: string,
  flags: GenerateFlags,
): AsyncGenerator<PipelineStep, AnyOutput, void> {
  const many = Class.takesPrompt ? "numImagesPerPrompt" : "batchSize";
  const all = {
    ...options,
    seed: flags.seed,
    numInferenceSteps: flags.steps,
    guidanceScale: flags.guidance,
    negativePrompt: flags.negative,
    audioLengthInS: flags.length,
    ...(flags.count === 1 && !(many in Class.options) ? {} : { [many]: flags.count }),
  };
  return Class.takesPrompt ? pipe.stream(prompt, all) : pipe.stream(all);
}
