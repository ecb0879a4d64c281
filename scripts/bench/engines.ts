/**
 * `deno task bench:engines`: what the native engine costs beside onnxruntime's binding on the CPU:
 * time of a run, how late this thread's timers come meanwhile, and how long a run goes on after its
 * AbortSignal fired. Both are measured in turns, so that other work on the machine hits both.
 *
 * @module
 */
import { Generator, type Tensor } from "@denoise/core";
import { childEngine, type Engine, inlineEngine, nativeEngine } from "@denoise/onnx";
import { Graph } from "@denoise/onnx/graph";

/** A run of so many products of square matrices. */
function products(count: number) {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["n", "n"]);
  let y = x;
  for (let i = 0; i < count; i++) y = graph.node("MatMul", [y, x]);
  graph.output("y", y);
  return { ...graph.build("products"), name: "products" };
}

const engines: Readonly<Record<string, Engine>> = {
  binding: inlineEngine(),
  native: nativeEngine(),
  "native in the child": childEngine({ native: true }),
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

/** The longest that a timer of 2 ms came late while a task ran, in ms. */
async function lagDuring(task: () => Promise<unknown>): Promise<number> {
  let lag = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    lag = Math.max(lag, now - last - 2);
    last = now;
  }, 2);
  await task();
  lag = Math.max(lag, performance.now() - last - 2);
  clearInterval(timer);
  return lag;
}

/** The median of a measure for each engine, taken in turns. */
async function inTurns(
  count: number,
  graph: ReturnType<typeof products>,
  x: Tensor,
  measure: (run: (signal?: AbortSignal) => Promise<unknown>) => Promise<number>,
): Promise<Record<string, number>> {
  const taken: Record<string, number[]> = {};
  const sessions = await Promise.all(
    Object.entries(engines).map(async ([name, engine]) =>
      [name, await engine.createSession(graph)] as const
    ),
  );
  for (let i = -3; i < count; i++) {
    for (const [name, session] of sessions) {
      const value = await measure((signal) => session.run({ x }, { signal }));
      if (i >= 0) (taken[name] ??= []).push(value);
    }
  }
  await Promise.all(sessions.map(([, session]) => session.release()));
  return Object.fromEntries(
    Object.entries(taken).map(([name, values]) => [name, Number(median(values).toFixed(3))]),
  );
}

/** How long a run goes on after its signal has fired in its middle, in ms. */
async function abortLatency(run: (signal: AbortSignal) => Promise<unknown>): Promise<number> {
  const controller = new AbortController();
  let fired = 0;
  setTimeout(() => {
    fired = performance.now();
    controller.abort();
  }, 100);
  await run(controller.signal).catch((error) => {
    if (!controller.signal.aborted) throw error;
  });
  // the binding holds this thread, so that the timer itself comes after the run
  return fired === 0 ? NaN : performance.now() - fired;
}

const small = Generator.manualSeed(0).randn([64, 64]);
const latents = Generator.manualSeed(0).randn([512, 512]);
const large = Generator.manualSeed(0).randn([1024, 1024]);
console.table({
  "a run of one small product, 16 kB in and out (ms)": await inTurns(
    300,
    products(1),
    small,
    timed,
  ),
  "a run of one product, 1 MB in and out (ms)": await inTurns(100, products(1), latents, timed),
  "a run of 20 large products (ms)": await inTurns(5, products(20), large, timed),
  "longest wait of a timer in it (ms)": await inTurns(5, products(20), large, lagDuring),
  "end of a run after its signal fired (ms)": await inTurns(5, products(60), large, abortLatency),
});
await Promise.all(Object.values(engines).map((engine) => engine.close()));
