/**
 * What is measured: each load is put on a server of another process, over loopback.
 *
 * @module
 */

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** For the embedded model, in few steps. */
export const REQUEST = { prompt: "a red apple", num_inference_steps: 6, guidance_scale: 2.25 };

/** Milliseconds, in rising order. */
export type Times = readonly number[];

/** The value below which that share of the times lies. */
export function percentile(times: Times, share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
}

const sorted = (times: number[]): Times => times.toSorted((a, b) => a - b);

function post(body: object): RequestInit {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body) };
}

const GENERATE = "/v1/images/generations";

/** A reply, with what came when. */
interface Answer {
  readonly status: number;
  /** From the request to the last byte. */
  readonly ms: number;
  /** In the pipeline, its encoding of images included; undefined for a refusal. */
  readonly pipelineMs: number | undefined;
  readonly body: { readonly data?: readonly { readonly recipe: { readonly seed: string } }[] };
}

async function ask(url: string, request: object): Promise<Answer> {
  const began = performance.now();
  const response = await fetch(`${url}${GENERATE}`, post(request));
  const body = await response.json();
  const ms = performance.now() - began;
  const parts = response.headers.get("server-timing")?.matchAll(/(\w+);dur=([\d.]+)/g) ?? [];
  const timing = [...parts].filter(([, name]) => name !== "queue");
  const pipelineMs = timing.length === 0
    ? undefined
    : timing.reduce((sum, [, , duration]) => sum + Number(duration), 0);
  return { status: response.status, ms, pipelineMs, body };
}

/** One request after the other: what each takes beside its pipeline. */
export async function overhead(url: string, request: object, count: number): Promise<Times> {
  const times: number[] = [];
  for (let seed = 0; seed < count; seed++) {
    const { status, ms, pipelineMs } = await ask(url, { ...request, seed });
    if (status !== 200) throw new Error(`the server answered ${status}`);
    times.push(ms - pipelineMs!);
  }
  return sorted(times);
}

/** How long /livez takes, asked every 10 ms while an image is made, and how many images were. */
export async function livez(url: string, request: object, ms: number): Promise<Times> {
  const times: number[] = [];
  const end = performance.now() + ms;
  const busy = (async () => {
    for (let seed = 0; performance.now() < end; seed++) await ask(url, { ...request, seed });
  })();
  while (performance.now() < end) {
    const began = performance.now();
    await (await fetch(`${url}/livez`)).text();
    times.push(performance.now() - began);
    await pause(10);
  }
  await busy;
  return sorted(times);
}

/** How long a full queue takes to refuse many requests that come at once. */
export interface Refusals {
  /** Over connections that are open. */
  readonly open: Times;
  /** With a new connection each, from its beginning. */
  readonly fresh: Times;
}

/**
 * Fills the queue, then sends so many requests at once, in so many bursts. They go over plain sockets:
 * two hundred calls of `fetch` keep this process busy for longer than the server.
 */
export async function refusals(
  url: string,
  request: object,
  { count, bursts }: { readonly count: number; readonly bursts: number },
): Promise<readonly Refusals[]> {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify(request);
  const head = [
    `POST ${GENERATE} HTTP/1.1`,
    `host: ${host}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  const sent = new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`);
  const connect = () => Deno.connect({ hostname, port: Number(port) });
  const waiting = await filled(connect, sent);
  try {
    const all: Refusals[] = [];
    for (let burst = 0; burst < bursts; burst++) {
      const opened = await Promise.all(Array.from({ length: count }, connect));
      await pause(1_000);
      const open = await refused(opened, sent);
      await pause(1_000);
      all.push({ open, fresh: await refused(Array.from({ length: count }, connect), sent) });
    }
    return all;
  } finally {
    for (const connection of waiting) connection.close();
    while (!/^denoise_queue_depth 0$/m.test(await (await fetch(`${url}/metrics`)).text())) {
      await pause(50);
    }
  }
}

/** Sends a request over each connection, and closes it after its refusal. */
async function refused(
  connections: readonly (Deno.TcpConn | Promise<Deno.TcpConn>)[],
  sent: Uint8Array,
): Promise<Times> {
  const began = performance.now();
  return sorted(
    await Promise.all(connections.map(async (connecting) => {
      using connection = await connecting;
      const status = await statusOf(connection, sent);
      if (status !== 429) throw new Error(`the full queue answered ${status}`);
      return performance.now() - began;
    })),
  );
}

/** Sends a request and waits for the first part of its reply, which has its head. */
async function statusOf(connection: Deno.TcpConn, sent: Uint8Array): Promise<number> {
  await connection.write(sent);
  const bytes = new Uint8Array(4096);
  const length = await connection.read(bytes) ?? 0;
  return Number(new TextDecoder().decode(bytes.subarray(0, length)).split(" ")[1]);
}

/** Puts in one request after the other until one is refused; gives the connections of those that wait. */
async function filled(
  connect: () => Promise<Deno.TcpConn>,
  sent: Uint8Array,
): Promise<readonly Deno.TcpConn[]> {
  const waiting: Deno.TcpConn[] = [];
  for (;;) {
    const connection = await connect();
    const status = statusOf(connection, sent).catch(() => undefined);
    waiting.push(connection);
    if (await Promise.race([status, pause(100)]) === 429) return waiting;
  }
}

/** What many clients got. */
export interface Crowd {
  /** Images a second. */
  readonly rate: number;
  /** Requests whose image did not come, or was another's. */
  readonly lost: number;
}

/** Clients that each ask again as soon as they are answered. */
export async function crowd(
  url: string,
  request: object,
  { clients, count }: { readonly clients: number; readonly count: number },
): Promise<Crowd> {
  let next = 0;
  let lost = 0;
  const began = performance.now();
  async function client(): Promise<void> {
    while (next < count) {
      const seed = next++;
      const { status, body } = await ask(url, { ...request, seed });
      if (status !== 200 || body.data?.[0]?.recipe.seed !== `${seed}`) lost++;
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  return { rate: count / (performance.now() - began) * 1000, lost };
}

/** From the end of a step in the engine to its event at the client. */
export async function stepDelays(url: string, request: object): Promise<Times> {
  const times: number[] = [];
  const body = { ...request, stream: true, progress: true };
  const response = await fetch(`${url}${GENERATE}`, post(body));
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    const now = Date.now();
    for (const [, doneAt] of piece.matchAll(/"done_at":(\d+)/g)) times.push(now - Number(doneAt));
  }
  return sorted(times);
}
