/**
 * What is measured: each load is put on a server of another process, over loopback.
 *
 * @module
 */

/** Milliseconds, in rising order. */
export type Times = readonly number[];

/** The value below which that share of the times lies. */
export function percentile(times: Times, share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
}

const sorted = (times: number[]): Times => times.toSorted((a, b) => a - b);

function post(body: object, signal?: AbortSignal): RequestInit {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body), signal: signal ?? null };
}

const GENERATE = "/v1/images/generations";

/** A reply, with what came when. */
interface Answer {
  readonly status: number;
  /** From the request to the last byte. */
  readonly ms: number;
  /** In the pipeline, its encoding of pictures included; undefined for a refusal. */
  readonly pipelineMs: number | undefined;
  readonly body: { readonly data?: readonly { readonly recipe: { readonly seed: string } }[] };
}

async function ask(url: string, request: object, signal?: AbortSignal): Promise<Answer> {
  const began = performance.now();
  const response = await fetch(`${url}${GENERATE}`, post(request, signal));
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

/** How long /livez takes, asked every 10 ms while a picture is made, and how many pictures were. */
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
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await busy;
  return sorted(times);
}

/** How long the refusals take of so many requests that are made at once before a full queue. */
export async function refusals(url: string, request: object, count: number): Promise<Times> {
  const stop = new AbortController();
  const { waiting } = await filled(url, request, stop.signal);
  const answers = await Promise.all(
    Array.from({ length: count }, () => ask(url, request, stop.signal)),
  );
  stop.abort();
  await Promise.allSettled(waiting);
  const odd = answers.find(({ status }) => status !== 429);
  if (odd !== undefined) throw new Error(`the full queue answered ${odd.status}`);
  return sorted(answers.map(({ ms }) => ms));
}

/** Puts in one request after the other until one is refused. */
async function filled(
  url: string,
  request: object,
  signal: AbortSignal,
): Promise<{ waiting: Promise<unknown>[] }> {
  const waiting: Promise<unknown>[] = [];
  for (;;) {
    const asked = ask(url, request, signal);
    const pause = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 300));
    const first = await Promise.race([asked, pause]);
    if (first?.status === 429) return { waiting };
    waiting.push(asked.catch(() => {}));
  }
}

/** What many clients got. */
export interface Crowd {
  /** Pictures a second. */
  readonly rate: number;
  /** Requests whose picture did not come, or was another's. */
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
