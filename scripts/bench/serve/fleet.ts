/**
 * Many streams at one server, and many workers at one Redis.
 *
 * @module
 */
import { makeJobId } from "../../../functions/contract/job_id.ts";
import { type JobQueue, redisQueue, redisStore } from "@denoise/functions/redis";
import type { Job } from "@denoise/functions";
import { connectRedis } from "../../../functions/queue/redis/connect.ts";
import { startModule } from "../../../functions/tests/programs.ts";
import { startRedis } from "../../../functions/tests/redis.ts";
import type { Times } from "./loads.ts";
import { residentBytes } from "./machine.ts";

/** What it takes to hold many streams. */
export interface Streams {
  /** From a request for a stream to its first bytes, in milliseconds. */
  readonly first: Times;
  /** Times of /livez while all are open. */
  readonly livez: Times;
  /** Memory of the server and its engine for a stream, in bytes. */
  readonly bytesEach: number;
}

const sorted = (times: number[]): Times => times.toSorted((a, b) => a - b);

/** Opens so many streams of jobs at once, and asks whether the server lives. */
export async function openStreams(
  { url, pid }: { readonly url: string; readonly pid: number },
  count: number,
): Promise<Streams> {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify({ model: "slow", num_inference_steps: 150, stream: true });
  const head = [
    "POST /v1/images/generations HTTP/1.1",
    `host: ${host}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  const sent = new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`);
  const before = await residentBytes(pid);
  const connections: Deno.TcpConn[] = [];
  const first: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const began = performance.now();
      const connection = await Deno.connect({ hostname, port: Number(port) });
      connections.push(connection);
      await connection.write(sent);
      const bytes = new Uint8Array(1_024);
      const length = await connection.read(bytes) ?? 0;
      const answer = new TextDecoder().decode(bytes.subarray(0, length));
      if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`stream ${i}: ${answer}`);
      first.push(performance.now() - began);
    }
    const livez: number[] = [];
    for (let i = 0; i < 200; i++) {
      const began = performance.now();
      const response = await fetch(`${url}/livez`, { headers: { connection: "close" } });
      await response.text();
      if (response.status !== 200) throw new Error(`/livez answered ${response.status}`);
      livez.push(performance.now() - began);
    }
    const bytesEach = (await residentBytes(pid) - before) / count;
    return { first: sorted(first), livez: sorted(livez), bytesEach };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** What a fleet does. */
export interface Fleet {
  /** Jobs a second. */
  readonly rate: number;
  /** Jobs that did not end well. */
  readonly lost: number;
  /** How much of a core Redis took. */
  readonly redisCpu: number;
}

async function cpuSeconds(redis: ReturnType<typeof connectRedis>): Promise<number> {
  const text = await redis.info("cpu");
  const seconds = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, "m").exec(text)?.[1]);
  return seconds("used_cpu_sys") + seconds("used_cpu_user");
}

/** The seed of the image that a job makes. */
async function seedOf(edge: JobQueue, job: Job): Promise<string | undefined> {
  await edge.submit(job);
  let seed: string | undefined;
  for await (const event of edge.follow(job.id)) {
    if (event.type === "succeeded") seed = `${event.images[0]?.recipe.seed}`;
    if (event.type === "failed") seed = event.failure.message;
  }
  return seed;
}

/** Gives so many jobs to so many workers, from two edges with so many callers each. */
export async function runFleet(
  { workers, jobs, callers }: {
    readonly workers: number;
    readonly jobs: number;
    readonly callers: number;
  },
): Promise<Fleet> {
  await using redis = await startRedis("everysec");
  const module = new URL("./fleet_workers.ts", import.meta.url);
  await using _workers = await startModule(module, [], {}, [], [redis.url, `${workers}`]);
  const client = connectRedis(redis.url);
  const store = redisStore(client);
  const edges = [1, 2].map(() => redisQueue({ url: redis.url, store, bound: 100_000 }));
  let next = 0;
  let lost = 0;
  async function caller(edge: typeof edges[number]): Promise<void> {
    while (next < jobs) {
      const id = makeJobId();
      const seed = `${next++}`;
      const input = { prompt: "a", count: 1, seed, format: "png", previews: 0 } as const;
      const job: Job = {
        id,
        owner: `owner-${next % 10}`,
        model: "fake",
        task: "text-to-image",
        input,
        createdAt: Date.now(),
        keepMs: 0,
      };
      const made = await seedOf(edge, job).catch((error) => `${error}`);
      if (made === seed) continue;
      if (lost++ < 5) console.error(`lost: ${made}`);
    }
  }
  try {
    const cpuBefore = await cpuSeconds(client);
    const began = performance.now();
    await Promise.all(edges.flatMap((edge) => Array.from({ length: callers }, () => caller(edge))));
    const seconds = (performance.now() - began) / 1_000;
    const cpu = await cpuSeconds(client) - cpuBefore;
    return { rate: jobs / seconds, lost, redisCpu: cpu / seconds * 100 };
  } finally {
    for (const edge of edges) await edge.close(0);
    client.disconnect();
  }
}
