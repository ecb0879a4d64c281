/**
 * Runs one measurement of one column in a process of its own.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { TextLineStream } from "../reference/lines.ts";
import { runStableDiffusionCpp } from "./sdcpp.ts";

/** What computes, and in which numbers. */
export type Column =
  | "torch float32"
  | "torch bfloat16"
  | "stable-diffusion.cpp"
  | "float32"
  | "int8"
  | "int4";

/** What a process measured. */
export interface Measurement {
  /** Median of its times: of those it printed, or from its start to its first step. */
  readonly seconds: number;
  /** The most memory it held; NaN where that is not known. */
  readonly peakBytes: number;
  /** Seconds until a model could be called; NaN where that is not measured. */
  readonly sessionSeconds: number;
}

/** How measurements are run. */
export interface BenchOptions {
  /** The Python that has the reference. */
  readonly python: string;
  /** Threads of all sides. */
  readonly threads: number;
  /** The binary of stable-diffusion.cpp, where there is one. */
  readonly sdcpp: string | undefined;
  /** Milliseconds after which a process is ended. */
  readonly timeout: number;
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** What a line of a measurement says. */
type Said = Readonly<Record<string, number>>;

/** Runs a measurement and gives its lines as they come. */
async function* lines(
  command: string,
  args: string[],
  { threads, timeout }: BenchOptions,
  env: Record<string, string> = {},
): AsyncGenerator<Said> {
  const child = new Deno.Command(command, {
    args,
    env: {
      DENOISE_BENCH_THREADS: String(threads),
      OMP_NUM_THREADS: String(threads),
      PYTHONWARNINGS: "ignore",
      TQDM_DISABLE: "1",
      ...env,
    },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(timeout),
  }).spawn();
  const errors = new Response(child.stderr).text();
  const text = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of text) if (line.startsWith("{")) yield JSON.parse(line);
  if (!(await child.status).success) {
    throw new Error(`${command} ${args.join(" ")} failed:\n${await errors}`);
  }
}

/** Measures one thing in one column. */
export async function measure(
  column: Column,
  args: readonly string[],
  options: BenchOptions,
): Promise<Measurement> {
  if (column === "stable-diffusion.cpp") return await runStableDiffusionCpp(args, options);
  const isTorch = column.startsWith("torch ");
  const command = isTorch ? options.python : Deno.execPath();
  const script = isTorch
    ? [path("measure.py")]
    : ["run", "-A", "--no-check", "--no-lock", path("measure.ts")];
  const start = performance.now();
  const times: number[] = [];
  let [peakBytes, sessionSeconds] = [NaN, NaN];
  const env = { DENOISE_BENCH_COLUMN: column.replace(/^torch /, "") };
  for await (const said of lines(command, [...script, ...args], options, env)) {
    if (said.seconds !== undefined) times.push(said.seconds);
    if (said.step !== undefined) times.push((performance.now() - start) / 1000);
    if (said.session !== undefined) sessionSeconds = said.session;
    if (said.peak_bytes !== undefined) peakBytes = said.peak_bytes;
  }
  return { seconds: median(times), peakBytes, sessionSeconds };
}

/** How much there is to compute in a UNet call, and how fast this machine can. */
export interface Work {
  /** Floating-point operations of a call. */
  readonly operations: number;
  /** The most of them in a second, in torch.matmul. */
  readonly matmulPerSecond: number;
}

/** Counts the operations of a UNet call and times torch.matmul. */
export async function countWork(repo: string, size: string, options: BenchOptions): Promise<Work> {
  const args = [path("measure.py"), "work", repo, size];
  for await (const said of lines(options.python, args, options)) {
    const { operations, matmul_per_second: matmulPerSecond } = said;
    if (operations === undefined || matmulPerSecond === undefined) continue;
    return { operations, matmulPerSecond };
  }
  throw new Error(`${options.python} ${args.join(" ")} printed no figures`);
}
