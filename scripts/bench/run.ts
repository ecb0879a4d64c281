/**
 * Runs one measurement on each side.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { TextLineStream } from "../reference/lines.ts";

/** What a process measured. */
export interface Measurement {
  /** Median of the times it printed, or undefined. */
  readonly seconds: number | undefined;
  /** From its start to its first step, where it says when that was. */
  readonly firstStep: number | undefined;
  /** The most memory it held. */
  readonly peakBytes: number;
}

/** A measurement of both sides. */
export interface Pair {
  readonly ours: Measurement;
  readonly reference: Measurement;
}

/** How measurements are run. */
export interface BenchOptions {
  /** The Python that has the reference. */
  readonly python: string;
  /** Threads of both sides. */
  readonly threads: number;
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The middle of some times. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function measure(command: string, args: string[], threads: number): Promise<Measurement> {
  const start = performance.now();
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
  const times: number[] = [];
  let firstStep: number | undefined;
  let peakBytes = NaN;
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (!line.startsWith("{")) continue;
    const said = JSON.parse(line);
    if ("seconds" in said) times.push(said.seconds);
    if ("step" in said) firstStep = (performance.now() - start) / 1000;
    if ("peak_bytes" in said) peakBytes = said.peak_bytes;
  }
  if (!(await child.status).success) {
    throw new Error(`${command} ${args.join(" ")} failed:\n${await errors}`);
  }
  return { seconds: median(times), firstStep, peakBytes };
}

/** One measurement in a fresh process of each side, one after the other. */
export async function measureBoth(args: string[], options: BenchOptions): Promise<Pair> {
  const { python, threads } = options;
  const ours = await measure(
    Deno.execPath(),
    ["run", "-A", "--no-check", path("measure.ts"), ...args],
    threads,
  );
  const reference = await measure(python, [path("measure.py"), ...args], threads);
  return { ours, reference };
}
