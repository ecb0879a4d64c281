/**
 * `deno task bench [--quick] [--rows NAMES] [--threads N] [--minutes N] [--calls N] [--cache FOLDER]`: denoise and diffusers on
 * torch in each type they have, in turns on the same random-weight repos with the same number of
 * threads, each in a process of its own. It begins another round as long as there are minutes left, prints
 * what it measures and writes docs/benchmarks.md; `--quick` takes the small repo for everything and
 * writes nothing. A binary of stable-diffusion.cpp in DENOISE_BENCH_SDCPP is a column too. `--rows unet64,vae`
 * measures these alone and writes nothing, so that the page keeps the other rows: unet32, unet64, vae, first-step,
 * pipeline, overhead, image, and quality, the 50 prompts.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { referencePython } from "../reference/python.ts";
import { qualityOf } from "./quantization_quality.ts";
import { machine, processorFlags, runtimeVersion, writeSection } from "./page.ts";
import {
  type BenchOptions,
  type Column,
  countWork,
  measure,
  type Measurement,
  median,
} from "./run.ts";
import { goalsOf, markdown, type Results } from "./table.ts";

/** A thing to measure, and in which columns. */
interface Task {
  readonly name: string;
  readonly what: string;
  readonly args: readonly string[];
  readonly columns: readonly Column[];
}

const TORCH: readonly Column[] = ["torch float32", "torch bfloat16"];
const OURS: readonly Column[] = ["float32", "int8", "int4"];

function tasksOf(large: string, small: string, calls: string, hasCpp: boolean): Task[] {
  const both = [...TORCH, ...OURS];
  const all: readonly Column[] = hasCpp ? [...TORCH, "stable-diffusion.cpp", ...OURS] : both;
  return [
    {
      name: "unet32",
      what: "UNet call, 32x32 latents",
      args: ["unet", large, "32", calls],
      columns: all,
    },
    {
      name: "unet64",
      what: "UNet call, 64x64 latents",
      args: ["unet", large, "64", calls],
      columns: all,
    },
    { name: "vae", what: "VAE decode, 512x512", args: ["vae", large, "512", "1"], columns: all },
    {
      name: "first-step",
      what: "start to the end of the first step, 256x256",
      args: ["first-step", large, "32"],
      columns: both,
    },
    {
      name: "pipeline",
      what: "a small pipeline, 20 steps, 128x128",
      args: ["pipeline", small, "20", calls],
      columns: both,
    },
    {
      name: "overhead",
      what: "scheduler, guidance and tensors of a step, 64x64 latents",
      args: ["overhead", small, "64", "50"],
      columns: ["torch float32", "float32"],
    },
    {
      name: "image",
      what: "an image of 512x512, 20 steps",
      args: ["image", large, "512", "20"],
      columns: all,
    },
  ];
}

/** Measures all tasks, round after round, until the time is over; a task that would take too long is left out. */
async function rounds(
  tasks: readonly Task[],
  options: BenchOptions,
  end: number,
): Promise<Results> {
  const results = new Map<string, Map<Column, Measurement[]>>();
  const took = new Map<Task, number>();
  for (let round = 1;; round++) {
    let measured = 0;
    for (const task of tasks) {
      const start = performance.now();
      if (start + (took.get(task) ?? 0) > end) continue;
      for (const column of task.columns) {
        if (performance.now() > end) break;
        const timeout = Math.max(1000, end + GRACE - performance.now());
        const one = await measure(column, task.args, { ...options, timeout }).catch(String);
        console.log(
          `round ${round}, ${task.what}, ${column}: ` +
            (typeof one === "string" ? one : `${one.seconds.toFixed(3)} s`),
        );
        if (typeof one === "string") continue;
        const row = results.get(task.what) ?? new Map<Column, Measurement[]>();
        results.set(task.what, row.set(column, [...row.get(column) ?? [], one]));
        measured++;
      }
      took.set(task, performance.now() - start);
    }
    if (measured === 0) return results;
  }
}

/** How much longer than the time that was given a process that has begun may take. */
const GRACE = 120_000;

async function versions(python: string): Promise<string> {
  const code =
    "import torch, diffusers, transformers, platform; print(f'diffusers {diffusers.__version__}, ' + " +
    "f'transformers {transformers.__version__}, torch {torch.__version__}, Python {platform.python_version()}')";
  const { stdout } = await new Deno.Command(python, { args: ["-W", "ignore", "-c", code] })
    .output();
  const reference = new TextDecoder().decode(stdout).trim().split("\n").at(-1);
  return `Deno ${Deno.version.deno}, onnxruntime-node ${await runtimeVersion()}; ${reference}`;
}

/** The name of what is no task: how far the embedded model's images move. */
const QUALITY = "quality";

/** What `--rows` asks for; all that there is where it is not given. */
function chosen(rows: string | undefined, tasks: readonly Task[]): Set<string> {
  const known = [...tasks.map(({ name }) => name), QUALITY];
  const asked = rows?.split(",") ?? known;
  const wrong = asked.find((name) => !known.includes(name));
  if (wrong === undefined) return new Set(asked);
  console.error(`There is no row ${JSON.stringify(wrong)}; rows are ${known.join(", ")}`);
  Deno.exit(2);
}

/** The rates of computing behind a UNet call, and the most that there is in float32. */
async function rates(repo: string, results: Results, options: BenchOptions): Promise<string> {
  const { operations, matmulPerSecond } = await countWork(repo, "64", options);
  const row = results.get("UNet call, 64x64 latents");
  const each = [...row ?? []].map(([column, all]) =>
    `${column} ${(operations / median(all.map(({ seconds }) => seconds)) / 1e9).toFixed(0)}`
  );
  return `At 64x64 a UNet call is ${
    (operations / 1e9).toFixed(0)
  } billion operations; billions of ` +
    `them a second: ${each.join(", ")}. The fastest torch.matmul in float32 does ` +
    `${(matmulPerSecond / 1e9).toFixed(0)}.`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      rows: { type: "string" },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      minutes: { type: "string", default: "17" },
      calls: { type: "string", default: "3" },
      cache: {
        type: "string",
        default: fileURLToPath(new URL("../../.cache/bench", import.meta.url)),
      },
    },
  });
  const begun = performance.now();
  const options: BenchOptions = {
    python: await referencePython(),
    threads: Number(values.threads),
    sdcpp: Deno.env.get("DENOISE_BENCH_SDCPP"),
    timeout: 600_000,
  };
  const names = values.quick ? ["small"] : ["sd15", "small"];
  const [large, small] = [names[0], names.at(-1)].map((name) => `${values.cache}/${name}`);
  const hasCpp = options.sdcpp !== undefined;
  const all = tasksOf(large!, small!, values.calls, hasCpp);
  const rows = chosen(values.rows, all);
  const { success } = await new Deno.Command(options.python, {
    args: [fileURLToPath(new URL("make_repos.py", import.meta.url)), values.cache, ...names],
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  if (!success) Deno.exit(1);

  Deno.env.set("DENOISE_CACHE", `${values.cache}/made`);
  for (const name of new Set([large!, small!])) {
    for (const column of OURS) await measure(column, ["prepare", name], options);
  }
  const [int8, int4] = rows.has(QUALITY) ? await qualityOf(["int8", "int4"]) : [];
  const quality = int8 === undefined || int4 === undefined
    ? ""
    : `PSNR of the embedded model's images against float32, worst and median of 50 prompts: ` +
      `int8 ${int8.least.toFixed(1)} and ${int8.median.toFixed(1)} dB, ` +
      `int4 ${int4.least.toFixed(1)} and ${int4.median.toFixed(1)} dB.`;
  if (quality !== "") console.log(quality);

  const end = performance.now() + Number(values.minutes) * 60_000;
  const results = await rounds(all.filter(({ name }) => rows.has(name)), options, end);
  const columns = [...TORCH, ...(hasCpp ? ["stable-diffusion.cpp" as const] : []), ...OURS];
  const table = markdown(results, columns);
  const goals = goalsOf(results, int8?.least ?? NaN, await processorFlags());
  console.log(`\n${table}\n\n${goals}`);
  if (values.quick || values.rows !== undefined) Deno.exit(0);
  const minutes = ((performance.now() - begun) / 60_000).toFixed(0);
  await writeSection(
    "bench",
    `## Computing

denoise (the last three columns) against diffusers on torch, all on the CPU with ${values.threads} threads, measured in
turns in fresh processes by \`deno task bench\` on the same random-weight repos (Stable Diffusion 1.5 in size; the small
pipeline has 6 million parameters). denoise float32 is \`optimize: "speed"\`, int8 and int4 are \`quantization\`; what is made
once was in the cache. Medians of the rounds, each the median of ${values.calls} calls after one to warm up (of the whole
image and the VAE: one); the least and the greatest of the rounds are in parentheses. It took ${minutes} minutes.

- Machine: ${machine()}, with ${
      (await processorFlags()).join(", ") || "no vector instructions that are known"
    }
- Versions: ${await versions(options.python)}

${table}

${goals}

${await rates(large!, results, options)}

${quality}
`,
  );
}
