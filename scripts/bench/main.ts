/**
 * `deno task bench [--quick] [--threads N] [--rounds N] [--calls N] [--cache FOLDER]`: denoise and diffusers
 * on torch, in turns on the same random-weight repos with the same number of threads. Prints a
 * table of ratios and writes docs/benchmarks.md; `--quick` takes the small repo for everything and
 * writes nothing.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine, runtimeVersion, writeSection } from "./page.ts";
import { referencePython } from "../reference/python.ts";
import { type BenchOptions, countWork, measureBoth, type Pair } from "./run.ts";

/** A line of the table. */
interface Row {
  readonly what: string;
  readonly ours: string;
  readonly reference: string;
  /** How many times better denoise is, or its share for memory. */
  readonly ratio: string;
  readonly goal: string;
  readonly reached: boolean;
  /** What is said of it below the table. */
  readonly note?: string;
}

const seconds = (value: number) =>
  value < 0.1 ? `${(value * 1000).toFixed(2)} ms` : `${value.toFixed(2)} s`;
const gigabytes = (value: number) => `${(value / 1e9).toFixed(2)} GB`;

function faster(what: string, { ours, reference, range }: Pair, goal: number): Row {
  const ratio = reference.seconds / ours.seconds;
  const [least, most] = range.map((value) => value.toFixed(2));
  return {
    what,
    ours: seconds(ours.seconds),
    reference: seconds(reference.seconds),
    ratio: `${ratio.toFixed(2)}x as fast (${least} to ${most})`,
    goal: `${goal.toFixed(1)}x`,
    reached: ratio >= goal,
  };
}

function smaller(what: string, { ours, reference }: Pair, goal: number): Row {
  const ratio = ours.peakBytes / reference.peakBytes;
  return {
    what,
    ours: gigabytes(ours.peakBytes),
    reference: gigabytes(reference.peakBytes),
    ratio: `${ratio.toFixed(2)}x`,
    goal: `at most ${goal.toFixed(2)}x`,
    reached: ratio <= goal,
  };
}

function share(what: string, { ours, reference }: Pair, call: number, goal: number): Row {
  const part = ours.seconds / call;
  return {
    what,
    ours: seconds(ours.seconds),
    reference: seconds(reference.seconds),
    ratio: `${(part * 100).toFixed(2)} % of that call`,
    goal: `under ${goal * 100} %`,
    reached: part < goal,
  };
}

/** The rates of computing behind a UNet call: of both sides, at the goal, and the most that there is. */
async function rates(
  repo: string,
  size: string,
  { ours, reference }: Pair,
  options: BenchOptions,
): Promise<string> {
  const { operations, matmulPerSecond } = await countWork(repo, size, options);
  const rate = (time: number) => (operations / time / 1e9).toFixed(0);
  return `At ${size}x${size} a call is ${
    (operations / 1e9).toFixed(0)
  } billion floating-point operations: ` +
    `denoise does ${rate(ours.seconds)} billion a second, diffusers ${rate(reference.seconds)}; ` +
    `twice as fast as diffusers is ${rate(reference.seconds / 2)}. ` +
    `The fastest torch.matmul on this machine does ${(matmulPerSecond / 1e9).toFixed(0)}.`;
}

async function* rows(
  large: string,
  small: string,
  calls: string,
  options: BenchOptions,
): AsyncGenerator<Row> {
  let call = NaN;
  for (const size of ["32", "64"]) {
    const pair = await measureBoth(["unet", large, size, calls], options);
    call = pair.ours.seconds;
    const note = await rates(large, size, pair, options);
    yield { ...faster(`one UNet call, ${size}x${size} latents`, pair, 2), note };
    yield smaller(`peak memory of that process`, pair, 0.95);
  }
  const start = await measureBoth(["first-step", large, "32"], options);
  yield faster("process start to the end of the first step, 256x256", start, 3);
  yield smaller("peak memory of that process", start, 0.95);
  const whole = await measureBoth(["pipeline", small, "20", calls], options);
  yield faster("a whole small pipeline, 20 steps, 128x128", whole, 2);
  yield smaller("peak memory of that process", whole, 0.95);
  const rest = await measureBoth(["overhead", small, "64", "50"], options);
  yield share("scheduler, guidance and tensors of a step, 64x64 latents", rest, call, 0.01);
}

function markdown(table: readonly Row[]): string {
  const lines = table.map((row) =>
    `| ${row.what} | ${row.ours} | ${row.reference} | ${row.ratio} | ${row.goal} | ${
      row.reached ? "yes" : "no"
    } |`
  );
  return [
    "| what | denoise | diffusers | ratio | goal | reached |",
    "| --- | ---: | ---: | ---: | ---: | :---: |",
    ...lines,
  ].join("\n");
}

async function versions(python: string): Promise<string> {
  const code =
    "import torch, diffusers, transformers, platform; print(f'diffusers {diffusers.__version__}, ' + " +
    "f'transformers {transformers.__version__}, torch {torch.__version__}, Python {platform.python_version()}')";
  const { stdout } = await new Deno.Command(python, { args: ["-W", "ignore", "-c", code] })
    .output();
  const reference = new TextDecoder().decode(stdout).trim().split("\n").at(-1);
  return `Deno ${Deno.version.deno}, onnxruntime-node ${await runtimeVersion()}; ${reference}`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      rounds: { type: "string", default: "3" },
      calls: { type: "string", default: "3" },
      cache: {
        type: "string",
        default: fileURLToPath(new URL("../../.cache/bench", import.meta.url)),
      },
    },
  });
  const options = {
    python: await referencePython(),
    threads: Number(values.threads),
    rounds: Number(values.rounds),
  };
  const names = values.quick ? ["small"] : ["sd15", "small"];
  const { success } = await new Deno.Command(options.python, {
    args: [fileURLToPath(new URL("make_repos.py", import.meta.url)), values.cache, ...names],
    stdout: "null",
    stderr: "inherit",
  }).spawn().status;
  if (!success) Deno.exit(1);

  const table: Row[] = [];
  const [large, small] = [names[0], names.at(-1)].map((name) => `${values.cache}/${name}`);
  for await (const row of rows(large!, small!, values.calls, options)) {
    table.push(row);
    console.log(
      `${row.what}: ${row.ours} against ${row.reference}, ${row.ratio} (goal ${row.goal})`,
    );
  }
  const section = `## Computing

denoise against diffusers on torch, both on the CPU with ${values.threads} threads, measured in turns in fresh
processes by \`deno task bench\` on the same random-weight repos (Stable Diffusion 1.5 in size; the small pipeline has 6
million parameters). Times are medians of ${values.rounds} rounds, each the median of ${values.calls} calls after one to warm
up; the least and the greatest ratio of a round are in parentheses.

- Machine: ${machine()}
- Versions: ${await versions(options.python)}

${markdown(table)}

${table.flatMap(({ note }) => note ?? []).join("\n\n")}
`;
  if (values.quick) console.log(`\n${markdown(table)}`);
  else await writeSection("bench", section);
}
