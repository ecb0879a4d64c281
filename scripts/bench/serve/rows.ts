import { childServingEngine, type Job } from "@denoise/functions";
import { registry } from "@denoise/denoise/registry";
import {
  HEAP_FLAGS,
  type RunningProgram,
  startModule,
  startProgram,
} from "../../../functions/tests/programs.ts";
import { hasRedis } from "../../../functions/tests/redis.ts";
import { openStreams, runFleet } from "./fleet.ts";
import { soak } from "./soak.ts";
import {
  crowd,
  livez,
  overhead,
  percentile,
  refusals,
  REQUEST,
  stepDelays,
  type Times,
} from "./loads.ts";
import { quiet, residentBytes } from "./machine.ts";

/** A figure, from each round. */
export interface Row {
  /** What was measured. */
  readonly what: string;
  /** One value a round. */
  readonly values: readonly number[];
  /** What they are in. */
  readonly unit:
    | "ms"
    | "%"
    | "MB"
    | "of 10,000"
    | "images a second"
    | "jobs a second"
    | "jobs"
    | "requests"
    | "kB";
  /** What is to be reached: at most that, or at least; undefined where it only informs. */
  readonly goal?: { readonly most: number } | { readonly least: number } | undefined;
}

/** How much is measured. */
export interface BenchSize {
  /** How often each figure is taken. */
  readonly rounds: number;
  /** How much smaller everything is than in the page. */
  readonly divisor: number;
  /** Longest wait for other programs to end, before each round, in milliseconds. */
  readonly quietMs: number;
}

async function untilReady({ url }: RunningProgram): Promise<Record<string, number>> {
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const { timing } = await response.json();
    if (response.status === 200) return timing;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function serving(env: Record<string, string> = {}): Promise<RunningProgram> {
  const settings = { DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "warning", ...env };
  const server = await startProgram("serve", settings);
  await server.alive(untilReady(server));
  return server;
}

/** The server whose models only keep time; its heap is that of `deno task serve`. */
async function pacing(bound = 64): Promise<RunningProgram> {
  const module = new URL("./paced_server.ts", import.meta.url);
  const server = await startModule(module, HEAP_FLAGS, {}, [], [`${bound}`]);
  await server.alive(untilReady(server));
  return server;
}

/** The values of every round, each in a quiet moment. */
async function repeat<T>(
  { rounds, quietMs }: BenchSize,
  measure: () => Promise<T>,
): Promise<T[]> {
  const values: T[] = [];
  for (let round = 0; round < rounds; round++) {
    await quiet(quietMs);
    values.push(await measure());
  }
  return values;
}

const at = (share: number, rounds: readonly Times[]) =>
  rounds.map((times) => percentile(times, share));

async function* latencies(size: BenchSize): AsyncGenerator<Row> {
  await using server = await serving();
  await overhead(server.url, REQUEST, 20);
  const beside = await repeat(size, () => overhead(server.url, REQUEST, 100 / size.divisor));
  const what = "overhead of a request over its pipeline call";
  yield { what: `${what}, p50`, values: at(0.5, beside), unit: "ms", goal: { most: 5 } };
  yield { what: `${what}, p99`, values: at(0.99, beside), unit: "ms", goal: { most: 20 } };
  const long = { ...REQUEST, num_inference_steps: 25 };
  const probes = await repeat(size, () => livez(server.url, long, 10_000 / size.divisor));
  const alive = "/livez during runs";
  yield { what: `${alive}, p50`, values: at(0.5, probes), unit: "ms" };
  yield { what: `${alive}, p99`, values: at(0.99, probes), unit: "ms", goal: { most: 20 } };
}

async function* paced(size: BenchSize): AsyncGenerator<Row> {
  await using server = await pacing();
  const { url } = server;
  await crowd(url, { model: "fast" }, { clients: 4, count: 100 });
  const steady = { model: "steady", num_inference_steps: 150 };
  const delays = await repeat(size, () => stepDelays(url, steady));
  const what = "from a step in the engine to its event at the client";
  yield { what: `${what}, p99`, values: at(0.99, delays), unit: "ms", goal: { most: 20 } };
  const slow = { model: "slow", num_inference_steps: 150 };
  await quiet(size.quietMs);
  const load = { count: 200 / size.divisor, bursts: 1 + 3 * size.rounds };
  const [first, ...refused] = await refusals(url, slow, load);
  const full = "refusal by a full queue, 200 requests at once";
  yield { what: `${full}, the server's first, p99`, values: at(0.99, [first!.open]), unit: "ms" };
  const open = refused.map((times) => times.open);
  yield { what: `${full}, p50`, values: at(0.5, open), unit: "ms" };
  yield { what: `${full}, p99`, values: at(0.99, open), unit: "ms", goal: { most: 50 } };
  const fresh = refused.map((times) => times.fresh);
  yield { what: `${full}, each over a new connection, p99`, values: at(0.99, fresh), unit: "ms" };
}

/** Images a second of an engine that nothing stands before, one run after the other. */
async function ownRate(
  engine: ReturnType<typeof childServingEngine>,
  count: number,
): Promise<number> {
  const job: Job = {
    id: "bench",
    owner: "bench",
    model: "emoji",
    task: "text-to-image",
    input: {
      prompt: REQUEST.prompt,
      steps: REQUEST.num_inference_steps,
      guidanceScale: REQUEST.guidance_scale,
      count: 1,
      format: "png",
      previews: 0,
    },
    createdAt: 0,
    keepMs: 0,
  };
  const began = performance.now();
  for (let seed = 0; seed < count; seed++) {
    const input = { ...job.input, seed: `${seed}` };
    for await (const _ of engine.run({ ...job, input }, new AbortController().signal));
  }
  return count / (performance.now() - began) * 1000;
}

async function* throughput(size: BenchSize): AsyncGenerator<Row> {
  await using server = await serving();
  const engine = childServingEngine({
    models: [{ id: "emoji", location: "denoise/emoji" }],
    registry,
  });
  try {
    await engine.ready();
    const load = { clients: 32, count: 64 / size.divisor };
    await crowd(server.url, REQUEST, load);
    const pairs = await repeat({ ...size, rounds: 2 * size.rounds }, async () => {
      const own = await ownRate(engine, load.count);
      return { own, served: (await crowd(server.url, REQUEST, load)).rate };
    });
    const own = pairs.map(({ own }) => own);
    const shares = pairs.map(({ own, served }) => served / own * 100);
    yield { what: "the engine alone, 6 steps of 128x128", values: own, unit: "images a second" };
    const what = "of that, with 32 clients over HTTP";
    yield { what, values: shares, unit: "%", goal: { least: 95 } };
  } finally {
    await engine.close();
  }
}

async function* crowded({ divisor }: BenchSize): AsyncGenerator<Row> {
  await using server = await pacing();
  const { pid } = server.process;
  const before = await residentBytes(pid);
  const count = 10_000 / divisor;
  const { lost, rate } = await crowd(server.url, { model: "fast" }, { clients: 32, count });
  const grown = (await residentBytes(pid) - before) / 1e6;
  const what = "10,000 requests of 32 clients to a fresh server";
  yield { what: `${what}: lost`, values: [lost], unit: "of 10,000", goal: { most: 0 } };
  yield { what: `${what}: rate`, values: [rate], unit: "images a second" };
  const memory = `${what}: memory grown, both processes`;
  yield { what: memory, values: [grown], unit: "MB", goal: { most: 100 } };
}

async function* coldStart(size: BenchSize): AsyncGenerator<Row> {
  const starts = await repeat(size, async () => {
    const began = performance.now();
    await using server = await startProgram("serve", {
      DENOISE_PORT: "0",
      DENOISE_LOG_LEVEL: "warning",
    });
    const listens = performance.now() - began;
    const timing = await untilReady(server);
    const ready = performance.now() - began;
    const { downloadMs = NaN, loadMs = NaN, warmupMs = NaN } = timing;
    const processes = ready - downloadMs - loadMs - warmupMs;
    return { listens, ready, downloadMs, loadMs, warmupMs, processes };
  });
  const part = (what: string, name: keyof typeof starts[number]): Row => ({
    what: `cold start, embedded model: ${what}`,
    values: starts.map((start) => start[name]),
    unit: "ms",
  });
  yield part("until it listens", "listens");
  yield part("until /readyz says ready", "ready");
  yield part("of that, bringing files here (they are part of the package)", "downloadMs");
  yield part("of that, sessions", "loadMs");
  yield part("of that, the first run", "warmupMs");
  yield part("of that, starting two processes", "processes");
}

async function* streams(size: BenchSize): AsyncGenerator<Row> {
  const count = 1_000 / size.divisor;
  const rounds = await repeat(size, async () => {
    await using server = await pacing(2 * count);
    return await openStreams({ url: server.url, pid: server.process.pid }, count);
  });
  const what = `${count} open streams of jobs that wait`;
  const livez = rounds.map(({ livez }) => livez);
  yield { what: `${what}: /livez, p99`, values: at(0.99, livez), unit: "ms", goal: { most: 20 } };
  const first = rounds.map(({ first }) => first);
  yield { what: `${what}: to the first bytes of one, p99`, values: at(0.99, first), unit: "ms" };
  const each = rounds.map(({ bytesEach }) => bytesEach / 1_000);
  yield { what: `${what}: memory of one`, values: each, unit: "kB" };
}

async function* fleet(size: BenchSize): AsyncGenerator<Row> {
  if (!await hasRedis()) return;
  const load = { workers: 100 / size.divisor, jobs: 5_000 / size.divisor, callers: 100 };
  const rounds = await repeat(size, () => runFleet(load));
  const what = `${load.workers} workers that make images at once, two edges, one Redis`;
  yield {
    what: `${what}: lost`,
    values: rounds.map(({ lost }) => lost),
    unit: "jobs",
    goal: { most: 0 },
  };
  yield { what: `${what}: rate`, values: rounds.map(({ rate }) => rate), unit: "jobs a second" };
  yield { what: `${what}: a core of Redis`, values: rounds.map((one) => one.redisCpu), unit: "%" };
}

/** An hour of mixed load, or so many minutes. */
export async function* soakRows(minutes: number): AsyncGenerator<Row> {
  await using server = await serving();
  const { pid } = server.process;
  const done = await soak({ url: server.url, pid }, { minutes, callers: 16 });
  const total = Object.values(done.requests).reduce((sum, count) => sum + count, 0);
  for (const problem of done.wrong.slice(0, 20)) console.error(`wrong: ${problem}`);
  const what = `${minutes} minutes of mixed load, 16 callers`;
  yield { what: `${what}: requests`, values: [total], unit: "requests" };
  yield {
    what: `${what}: wrong`,
    values: [done.wrong.length],
    unit: "requests",
    goal: { most: 0 },
  };
  yield { what: `${what}: /livez, p99`, values: [done.livezMs], unit: "ms", goal: { most: 50 } };
  const { early, late } = done.memory;
  yield { what: `${what}: memory after a tenth of it`, values: [early], unit: "MB" };
  const grown = `${what}: memory grown from then to the end`;
  yield { what: grown, values: [late - early], unit: "MB", goal: { most: 100 } };
}

/** Measures everything. */
export async function* measure(size: BenchSize): AsyncGenerator<Row> {
  for (const part of [latencies, paced, throughput, crowded, coldStart, streams, fleet]) {
    yield* part(size);
  }
}
