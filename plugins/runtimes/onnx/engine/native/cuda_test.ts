/**
 * Sessions on CUDA over a fake of its libraries: memory of the card is memory of the CPU, kernels do
 * nothing and are counted. So this shows what is launched, copied and held, and no number computed.
 *
 * It needs onnxruntime's library with its CUDA provider beside it in the folder DENOISE_ONNXRUNTIME,
 * and the fake's libraries in the folder DENOISE_FAKE_CUDA.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { explainCuda } from "./cuda_errors.ts";

const folder = Deno.env.get("DENOISE_FAKE_CUDA");

/** What programs begin with. */
const PRELUDE = `
import { childEngine, inlineEngine, nativeEngine } from "@denoise/onnx";
import { Graph } from "@denoise/onnx/graph";
import { Generator, Tensor } from "@denoise/core";

/** y = x·w·w..., and all of it twice. */
function products(count, width = 64) {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["n", width]);
  const weight = graph.input("w", "float32", [width, width]);
  let y = x;
  for (let i = 0; i < count; i++) y = graph.node("MatMul", [y, weight]);
  graph.output("y", y);
  graph.output("twice", graph.node("Add", [y, y]));
  return { ...graph.build("products"), name: "products", device: "cuda" };
}

const rows = (n, width = 64) => Tensor.zeros([n, width]);
let fake;
/** What the fake has counted since it was last asked. */
function counts() {
  fake ??= Deno.dlopen("libcudart.so.13", {
    fakecuda_dump: { parameters: [], result: "void" },
    fakecuda_reset: { parameters: [], result: "void" },
  }).symbols;
  fake.fakecuda_dump();
  const counted = JSON.parse(Deno.readTextFileSync(Deno.env.get("FAKECUDA_OUT")));
  fake.fakecuda_reset();
  const { GRAPH_Launch: graphs = 0, GRAPH_BeginCapture: captures = 0, ...others } = counted.kernels;
  const kernels = Object.entries(others).filter(([name]) => !name.startsWith("GRAPH_"));
  return { ...counted, graphs, captures, kernels: kernels.reduce((sum, [, n]) => sum + n, 0) };
}
const tell = (value) => console.log("result:" + JSON.stringify(value));
`;

/** Runs a program on the fake, and gives what it tells. */
async function onFakeCard<T>(program: string): Promise<T> {
  const dir = new URL("..", import.meta.url).pathname;
  const file = await Deno.makeTempFile({ dir, prefix: "program_", suffix: ".ts" });
  const out = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, PRELUDE + program);
    const { success, stdout, stderr, signal } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-lock", file],
      env: { LD_LIBRARY_PATH: folder!, FAKECUDA_OUT: out },
      signal: AbortSignal.timeout(600_000),
    }).output();
    const [result, problem] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, `it ended by ${signal}: ${problem}`);
    return JSON.parse(/^result:(.*)$/m.exec(result!)![1]!);
  } finally {
    await Deno.remove(file);
    await Deno.remove(out);
  }
}

interface Counts {
  readonly kernels: number;
  readonly graphs: number;
  readonly captures: number;
  readonly h2d_n: number;
  readonly h2d_b: number;
  readonly d2h_b: number;
  readonly alloc_now: number;
}

const ignore = (folder ?? "0") === "0";

describe("nativeEngine() on CUDA", { ignore }, () => {
  it("captures the second run of a shape, and launches the graph from then on", async () => {
    const steps = await onFakeCard<Counts[]>(`
      const session = await inlineEngine().createSession(products(10));
      const w = Tensor.zeros([64, 64]);
      await session.run({ x: rows(2), w });
      counts();
      const steps = [];
      for (let i = 0; i < 4; i++) {
        await session.run({ x: rows(2), w });
        steps.push(counts());
      }
      tell(steps);`);
    assertEquals(steps.map(({ captures }) => captures), [1, 0, 0, 0]);
    assertEquals(steps.slice(1).map(({ kernels, graphs }) => [kernels, graphs]), [
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    // the input that is another tensor goes there, the one that stayed is there; outputs come back
    for (const { h2d_n, h2d_b, d2h_b } of steps) {
      assertEquals([h2d_n, h2d_b, d2h_b], [1, 2 * 64 * 4, 2 * 2 * 64 * 4]);
    }
  });

  it("has one graph, which ends when another shape is run", async () => {
    const result = await onFakeCard<Counts[]>(`
      const session = await nativeEngine().createSession(products(2));
      const w = Tensor.zeros([64, 64]);
      const result = [];
      for (const n of [1, 2, 1, 2, 2, 2, 1, 2, 1, 1, 1]) {
        await session.run({ x: rows(n), w });
        result.push(counts());
      }
      tell(result);`);
    assertEquals(result.map(({ captures }) => captures).join(""), "00001000010");
    assertEquals(result.map(({ kernels }) => kernels > 0 ? "k" : "g").join(""), "kkkkkgkkkkg");
  });

  it("keeps memory for the last shapes, and choices of outputs apart", async () => {
    const result = await onFakeCard<{ first: number; later: number; dims: (number[] | null)[][] }>(`
      const session = await nativeEngine().createSession(products(2));
      const w = Tensor.zeros([64, 64]);
      const use = async (n) => {
        for (let i = 0; i < 3; i++) await session.run({ x: rows(n), w }, { outputs: ["y"] });
      };
      for (let n = 1; n <= 8; n++) await use(1000 + n);
      const first = counts().alloc_now;
      for (let n = 9; n <= 40; n++) await use(1000 + n);
      const later = counts().alloc_now;
      const dims = [];
      for (const outputs of [["y"], ["twice"], ["twice", "y"], ["y", "twice"]]) {
        for (let i = 0; i < 3; i++) {
          const { y, twice } = await session.run({ x: rows(3 + i % 2), w }, { outputs });
          dims.push([y?.dims, twice?.dims]);
        }
      }
      tell({ first, later, dims });`);
    // 32 more shapes of 256 kB in and 256 kB out would be 16 MB more
    assert(result.later - result.first < 2 ** 22, `${result.first} bytes grew to ${result.later}`);
    const [three, four] = [[3, 64], [4, 64]];
    assertEquals(result.dims.slice(0, 6), [
      [three, null],
      [four, null],
      [three, null],
      [null, three],
      [null, four],
      [null, three],
    ]);
    assertEquals(result.dims.slice(6), [
      [three, three],
      [four, four],
      [three, three],
      [three, three],
      [four, four],
      [three, three],
    ]);
  });

  it("carries numbers of every type there and back", async () => {
    const same = await onFakeCard<boolean[]>(`
      const values = Tensor.from([1, -2.5, 0.25, 1000]);
      const same = [];
      for (const dtype of ["float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"]) {
        const graph = new Graph();
        graph.output("y", graph.input("x", dtype, ["n"])); // a copy, which the fake makes
        const engine = nativeEngine({ deviceOptions: { enable_cuda_graph: false } });
        const session = await engine.createSession({ ...graph.build("same"), name: "same", device: "cuda" });
        const given = dtype === "bfloat16" ? "float32" : dtype;
        for (const x of [values.astype(given), values.mul(2).astype(given), Tensor.zeros([0], given)]) {
          same.push((await session.run({ x })).y.equals(x));
        }
      }
      tell(same);`);
    assertEquals(same, Array(21).fill(true));
  });

  it("leaves outputs on the card for another session, and copies them from there when asked", async () => {
    const result = await onFakeCard<{
      steps: Counts[];
      same: boolean;
      reread: boolean;
      gone: string;
      growth: number;
    }>(`
      const graph = new Graph();
      graph.output("y", graph.input("x", "float32", ["n"])); // a copy, which the fake makes
      const spec = { ...graph.build("same"), name: "same", device: "cuda" };
      const engine = nativeEngine({ deviceOptions: { enable_cuda_graph: false } });
      const [one, two] = await Promise.all([1, 2].map(() => engine.createSession(spec)));
      const x = Generator.manualSeed(0).randn([1000]);
      await one.run({ x }), await two.run({ x });
      counts();
      const { y } = await one.run({ x }, { onDevice: true });
      const steps = [counts()];
      const { y: again } = await two.run({ x: y });
      steps.push(counts());
      const same = again.equals(x);
      const reread = y.equals(x) && y.data === y.data;
      steps.push(counts());
      let before;
      for (let i = 0; i < 40; i++) {
        if (i === 4) before = counts().alloc_now;
        const { y } = await one.run({ x }, { onDevice: true });
        await two.run({ x: y }, { onDevice: true });
        y[Symbol.dispose]();
      }
      const { y: last } = await one.run({ x }, { onDevice: true });
      last[Symbol.dispose]();
      let gone;
      try { last.data } catch (error) { gone = error.message }
      tell({ steps, same, reread, gone, growth: counts().alloc_now - before });`);
    const [made, taken, read] = result.steps;
    assertEquals([made!.h2d_n, made!.d2h_b], [0, 0]);
    assertEquals([taken!.h2d_n, taken!.d2h_b], [0, 4000]);
    assertEquals([read!.h2d_n, read!.d2h_b], [0, 4000]);
    assert(result.same && result.reread);
    assert(result.gone.includes("given back"), result.gone);
    // what the first session made was disposed of; of the second's the collector takes what it can
    assert(result.growth <= 36 * 4096, `${result.growth} bytes more are held`);
  });

  it("captures nothing when it is asked not to", async () => {
    const steps = await onFakeCard<Counts[]>(`
      const engine = nativeEngine({ deviceOptions: { enable_cuda_graph: false } });
      const session = await engine.createSession(products(10));
      const steps = [];
      for (let i = 0; i < 3; i++) {
        await session.run({ x: rows(2), w: rows(64) });
        steps.push(counts());
      }
      tell(steps);`);
    assertEquals(steps.map(({ captures, graphs }) => captures + graphs), [0, 0, 0]);
    assert(steps.every(({ kernels }) => kernels >= 11));
  });

  it("captures no graph whose sizes come from numbers of an input", async () => {
    const result = await onFakeCard<number[][]>(`
      const graph = new Graph();
      const size = graph.input("size", "int64", [2]);
      const x = graph.input("x", "float32", ["n"]);
      graph.output("y", graph.node("Neg", [graph.node("Reshape", [x, size])]));
      const engine = nativeEngine();
      const session = await engine.createSession({ ...graph.build("sizes"), name: "sizes", device: "cuda" });
      const result = [];
      for (const dims of [[2, 3], [3, 2], [6, 1], [1, 6]]) {
        const { y } = await session.run({ x: Tensor.zeros([6]), size: Tensor.from(dims.map(BigInt)) });
        result.push(y.dims);
      }
      tell(result);`);
    assertEquals(result, [[2, 3], [3, 2], [6, 1], [1, 6]]);
  });

  it("gives the card's memory back with the session, and runs others beside it", async () => {
    const result = await onFakeCard<{ before: number; after: number; dims: number[][] }>(`
      const engine = nativeEngine();
      const w = Tensor.zeros([512, 512]);
      await (await engine.createSession(products(1, 512))).release();
      const before = counts().alloc_now;
      const sessions = await Promise.all([1, 2, 3].map((n) => engine.createSession(products(n, 512))));
      const runs = sessions.flatMap((session) =>
        [1, 2, 1, 2, 1, 2].map((n) => session.run({ x: rows(n, 512), w }))
      );
      const dims = (await Promise.all(runs)).map(({ y }) => y.dims);
      await engine.close();
      tell({ before, after: counts().alloc_now, dims });`);
    assertEquals(result.dims.map(([n]) => n).join(""), "121212".repeat(3));
    // what is kept is what cuBLAS and cuDNN hold for the thread
    assert(
      result.after - result.before < 2 ** 20,
      `${result.after - result.before} bytes are still held`,
    );
  });

  it("names an option that there is none of, and says so when memory runs out", async () => {
    const result = await onFakeCard<{ option: string; memory: string; code: string }>(`
      const refused = async (deviceOptions, run) => {
        try {
          const engine = nativeEngine({ deviceOptions });
          const session = await engine.createSession(products(2, 1024));
          await session.run({ x: rows(4096, 1024), w: rows(1024, 1024) });
        } catch (error) {
          return error;
        }
      };
      const option = await refused({ use_tf33: true });
      const memory = await refused({ gpu_mem_limit: 2 ** 20, enable_cuda_graph: false });
      tell({ option: option.message, memory: memory.message, code: memory.code });`);
    assert(result.option.includes("use_tf33"), result.option);
    assertEquals(result.code, "out_of_memory");
    assert(result.memory.includes("gpu_mem_limit"), result.memory);
  });

  it("is what the child computes with", async () => {
    const dims = await onFakeCard<number[]>(`
      const engine = childEngine({ deviceOptions: { use_tf32: false } }); // the binding takes none
      const session = await engine.createSession(products(2));
      let y;
      for (let i = 0; i < 3; i++) ({ y } = await session.run({ x: rows(2), w: rows(64) }));
      await engine.close();
      tell(y.dims);`);
    assertEquals(dims, [2, 64]);
  });
});

describe("explainCuda()", () => {
  it("says what a card's error means, and what to do", () => {
    const cases = [
      ["CUDA failure 35: CUDA driver version is insufficient", "runtime_unavailable", "580"],
      ["CUDA failure 100: no CUDA-capable device is detected", "runtime_unavailable", "--gpus all"],
      ["CUDA failure 2: out of memory ; GPU=0", "out_of_memory", "torchDtype"],
      ["Cannot allocate 9 bytes: CUDA error 2: out of memory", "out_of_memory", "smaller"],
      ["Failed to allocate memory for requested buffer of size 9", "out_of_memory", "smaller"],
      ["libcublasLt.so.13: cannot open shared object file", "runtime_unavailable", "doctor"],
      ["libx.so: undefined symbol: Provider_GetHost", "runtime_unavailable", "another version"],
      ["CUDA failure 700: an illegal memory access was encountered", "engine_lost", "restarted"],
      ["CUDA failure 719: unspecified launch failure", "engine_lost", "child"],
      ["CUDA error cudaErrorLaunchFailure:unspecified launch failure", "engine_lost", "child"],
      ["CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0", "engine_lost", "child"],
      ["CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", "out_of_memory", "smaller"],
    ] as const;
    for (const [message, code, advice] of cases) {
      const error = explainCuda(new Error(`Cannot run unet: ${message}`));
      assert(error instanceof DenoiseError, message);
      assertEquals(error.code, code);
      assert(error.message.includes(message) && error.message.includes(advice), error.message);
    }
    const other = new Error("Cannot run unet: CUDA failure 1: invalid argument");
    assert(explainCuda(other) === other);
  });
});
