/**
 * An hour of what strangers do, against a server with the embedded model.
 *
 * @module
 */
import { percentile, REQUEST } from "./loads.ts";
import { residentBytes } from "./machine.ts";

/** What came of it. */
export interface Soak {
  /** Requests by what they were. */
  readonly requests: Readonly<Record<string, number>>;
  /** Those whose answer was not what it should be, each in words. */
  readonly wrong: readonly string[];
  /** Slowest one of a hundred answers of /livez, in milliseconds. */
  readonly livezMs: number;
  /** Megabytes of both processes: after the first tenth, and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function post(body: object, headers: Record<string, string> = {}): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}

/** One request each; resolves to what was wrong with its answer. */
type Visit = (url: string, seed: number) => Promise<string | undefined>;

async function status(
  url: string,
  init: RequestInit | undefined,
  ...wanted: readonly number[]
): Promise<string | undefined> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (wanted.includes(response.status)) return undefined;
  return `${response.status} for ${init?.method ?? "GET"} ${url}: ${text.slice(0, 200)}`;
}

/** Visitors of every kind; a full queue (429) is a right answer too. */
const VISITS: Readonly<Record<string, Visit>> = {
  async image(url, seed) {
    const response = await fetch(`${url}/v1/images/generations`, post({ ...REQUEST, seed }));
    const body = await response.json();
    if (response.status === 429) return undefined;
    const made = body.data?.[0]?.recipe.seed;
    return made === `${seed}` ? undefined : `seed ${seed} came as ${made} (${response.status})`;
  },
  async stream(url, seed) {
    const body = { ...REQUEST, seed, stream: true, partial_images: 2 };
    const response = await fetch(`${url}/v1/images/generations`, post(body));
    const text = await response.text();
    if (response.status === 429 || text.includes("image_generation.completed")) return undefined;
    return `a stream without an end (${response.status}): ${text.slice(0, 200)}`;
  },
  async prediction(url, seed) {
    const body = { input: { prompt: "a cat", num_inference_steps: 6, seed } };
    const begun = await fetch(`${url}/predictions`, post(body, { prefer: "respond-async" }));
    const { id } = await begun.json();
    if (begun.status === 429) return undefined;
    for (;;) {
      const { status } = await (await fetch(`${url}/predictions/${id}`)).json();
      if (status === "succeeded") return undefined;
      if (status !== "starting" && status !== "processing") return `a prediction ${status}`;
      await pause(50);
    }
  },
  async cancelled(url) {
    const body = { input: { prompt: "a cat", num_inference_steps: 100 } };
    const begun = await fetch(`${url}/predictions`, post(body, { prefer: "respond-async" }));
    const { id } = await begun.json();
    if (begun.status === 429) return undefined;
    return await status(`${url}/predictions/${id}/cancel`, post({}), 200);
  },
  async gone(url) {
    const signal = AbortSignal.timeout(30);
    const body = { ...REQUEST, num_inference_steps: 100 };
    await fetch(`${url}/v1/images/generations`, { ...post(body), signal })
      .then((response) => response.body?.cancel(), () => {});
    return undefined;
  },
  expired: (url) =>
    status(
      `${url}/v1/images/generations`,
      post({ ...REQUEST, num_inference_steps: 150 }, { "cancel-after": "1s" }),
      504,
      429,
      200,
    ),
  wrong: (url) => status(`${url}/v1/images/generations`, post({ prompt: 1 }), 400),
  large: (url) =>
    status(`${url}/v1/images/generations`, post({ prompt: "a".repeat(900_000) }), 400, 413),
  lists: (url) => status(`${url}/predictions`, undefined, 200),
  a1111: (url) => status(`${url}/sdapi/v1/txt2img`, post({ prompt: "a cat", steps: 4 }), 200, 429),
};

/** Visits a server with so many callers for that time. */
export async function soak(
  { url, pid }: { readonly url: string; readonly pid: number },
  { minutes, callers }: { readonly minutes: number; readonly callers: number },
): Promise<Soak> {
  const began = performance.now();
  const end = began + minutes * 60_000;
  const requests: Record<string, number> = {};
  const wrong: string[] = [];
  const livez: number[] = [];
  let seed = 0;
  async function caller(): Promise<void> {
    const names = Object.keys(VISITS);
    while (performance.now() < end) {
      const name = names[Math.floor(Math.random() * names.length)]!;
      requests[name] = (requests[name] ?? 0) + 1;
      const problem = await VISITS[name]!(url, seed++).catch((error) => `${name}: ${error}`);
      if (problem !== undefined) wrong.push(problem);
    }
  }
  async function probe(): Promise<void> {
    while (performance.now() < end) {
      const asked = performance.now();
      await (await fetch(`${url}/livez`)).text();
      livez.push(performance.now() - asked);
      await pause(100);
    }
  }
  const visiting = Promise.all([probe(), ...Array.from({ length: callers }, caller)]);
  await pause(minutes * 6_000);
  const early = await residentBytes(pid) / 1e6;
  await visiting;
  const late = await residentBytes(pid) / 1e6;
  const livezMs = percentile(livez.toSorted((a, b) => a - b), 0.99);
  return { requests, wrong, livezMs, memory: { early, late } };
}
