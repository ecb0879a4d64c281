/**
 * Runs one measurement on each side.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { TextLineStream } from "../reference/lines.ts";

/** What a side measured. */
export interface Measurement {
  /** Median of its times: of those it printed, or from its start to its first step. */
  readonly seconds: number;
  /** The most memory it held. */
  readonly peakBytes: number;
}

/** A measurement of both sides. */
export interface Pair {
  readonly ours: Measurement;
  readonly reference: Measurement;
  /** The least and the greatest ratio of speeds among the rounds. */
  readonly range: readonly [number, number];
}

/** How measurements are run. */
export interface BenchOptions {
  /** The Python that has the reference. */
  readonly python: string;
  /** Threads of both sides. */
  readonly threads: number;
  /** How often both are measured, in turns. */
  readonly rounds: number;
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The middle of some times. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** What a line of a measurement says. */
type Said = Readonly<Record<string, number>>;

/** Runs a measurement and gives its lines as they come. */
async function* lines(command: string, args: string[], threads: number): AsyncGenerator<Said> {
  const child = new Deno.Command(command, {
    args,
    env: {
      DENOISE_BENCH_THREADS: String(threads),
      OMP_NUM_THREADS: String(threads),
      PYTHONWARNINGS: "ignore",
      TQDM_DISABLE: "1",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const text = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of text) if (line.startsWith("{")) yield JSON.parse(line);
  if (!(await child.status).success) {
    throw new Error(`${command} ${args.join(" ")} failed:\n${await errors}`);
  }
}

async function measure(command: string, args: string[], threads: number): Promise<Measurement> {
  const start = performance.now();
  const times: number[] = [];
  let peakBytes = NaN;
  for await (const said of lines(command, args, threads)) {
    if (said.seconds !== undefined) times.push(said.seconds);
    if (said.step !== undefined) times.push((performance.now() - start) / 1000);
    if (said.peak_bytes !== undefined) peakBytes = said.peak_bytes;
  }
  return { seconds: median(times), peakBytes };
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
  for await (const said of lines(options.python, args, options.threads)) {
    const { operations, matmul_per_second: matmulPerSecond } = said;
    if (operations === undefined || matmulPerSecond === undefined) continue;
    return { operations, matmulPerSecond };
  }
  throw new Error(`${options.python} ${args.join(" ")} printed no figures`);
}

/**
 * Both sides in fresh processes, in turns, so that what else goes on in the machine meets both.
 * Medians of the rounds.
 */
export async function measureBoth(args: string[], options: BenchOptions): Promise<Pair> {
  const { python, threads, rounds } = options;
  const ours: Measurement[] = [];
  const reference: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    const script = ["run", "-A", "--no-check", path("measure.ts"), ...args];
    ours.push(await measure(Deno.execPath(), script, threads));
    reference.push(await measure(python, [path("measure.py"), ...args], threads));
  }
  const ratios = ours.map(({ seconds }, round) => reference[round]!.seconds / seconds);
  return {
    ours: middle(ours),
    reference: middle(reference),
    range: [Math.min(...ratios), Math.max(...ratios)],
  };
}

function middle(all: readonly Measurement[]): Measurement {
  return {
    seconds: median(all.map(({ seconds }) => seconds)),
    peakBytes: median(all.map(({ peakBytes }) => peakBytes)),
  };
}
