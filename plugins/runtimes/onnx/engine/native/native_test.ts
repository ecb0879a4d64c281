import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Generator, Tensor } from "@denoise/core";
import {
  childEngine,
  type Engine,
  inlineEngine,
  nativeEngine,
  type SessionSpec,
} from "@denoise/onnx";
import { Graph } from "@denoise/onnx/graph";
import { runtimeLibrary } from "../../libraries.ts";
import { openOrt } from "./api.ts";
import { SharedLock } from "./shared_lock.ts";
import { turns } from "../../../../../tests/support/until.ts";

/** y = x·x·x..., each product scaled to keep its size. */
function powers(count: number): SessionSpec {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["n", "n"]);
  let y = x;
  for (let i = 0; i < count; i++) {
    y = graph.node("Mul", [graph.node("MatMul", [y, x]), graph.scalar(0.05)]);
  }
  graph.output("y", y);
  return { ...graph.build("powers"), name: "powers", threads: 1 };
}

const large = Generator.manualSeed(1).randn([512, 512]);

async function using<T>(engine: Engine, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

describe("openOrt()", () => {
  it("reads functions from their places: each answers as its name says", () => {
    const { version, call } = openOrt(runtimeLibrary());
    // each of these messages is written by that very function
    const answer = (ask: () => void): string => {
      try {
        ask();
        return "no error";
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert(/^1\.\d+\.\d+$/.test(version), version);
    const place = new BigUint64Array(1);
    call.CreateSessionOptions(place);
    const options = Deno.UnsafePointer.create(place[0]!);
    const empty = new Uint8Array(1);
    assertEquals(
      answer(() => call.SetSessionGraphOptimizationLevel(options, 42)),
      "graph_optimization_level is not valid",
    );
    assert(
      /[Cc]onfig key is empty/.test(
        answer(() => call.AddSessionConfigEntry(options, empty, empty)),
      ),
    );
  });

  it("refuses a library that is not onnxruntime's", async () => {
    const engine = nativeEngine({ library: "libc.so.6" });
    await assertRejects(() => engine.createSession(powers(1)), Error, "OrtGetApiBase");
  });
});

const homes = {
  nativeEngine,
  "childEngine({ native: true })": () => childEngine({ native: true }),
};

for (const [name, open] of Object.entries(homes)) {
  describe(name, () => {
    it("ends a run under way when its signal fires, and runs again", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(2_000));
        await using(open(), async (other) => {
          const shorter = await other.createSession(powers(200));
          const controller = new AbortController();
          const ends: string[] = [];
          const short = shorter.run({ x: large }).then(() => ends.push("a tenth"));
          const run = session.run({ x: large }, { signal: controller.signal });
          const end = assertRejects(() => run, DOMException).then(({ name }) => ends.push(name));
          await turns(10);
          controller.abort();
          await Promise.all([short, end]);
          // it ends after the product under way, one of 2,000: before another engine has done 200
          assertEquals(ends, ["AbortError", "a tenth"]);
          assertEquals((await session.run({ x: Tensor.from([[0]]) }))["y"]!.item(), 0);
        });
      });
    });
  });
}

describe("nativeEngine()", () => {
  it("runs what is asked at once side by side, and one ends without the other", async () => {
    await using(nativeEngine(), async (engine) => {
      const session = await engine.createSession(powers(40));
      const controller = new AbortController();
      const ended = assertRejects(
        () => session.run({ x: large }, { signal: controller.signal }),
        DOMException,
        "aborted",
      );
      const other = session.run({ x: large });
      controller.abort();
      await ended;
      assertEquals((await other)["y"]!.dims, [512, 512]);
    });
  });

  it("takes what a tensor holds when the run is asked for", async () => {
    await using(nativeEngine(), async (engine) => {
      const session = await engine.createSession(powers(40));
      const data = Float32Array.from(large.data, Number);
      const run = session.run({ x: new Tensor("float32", data, [512, 512]) });
      data.fill(0);
      const { y } = await run;
      assert(y!.equals((await session.run({ x: large }))["y"]!));
    });
  });

  it("takes and gives float16 as it is, and bfloat16 as float32", async () => {
    const graph = new Graph();
    const half = graph.input("half", "float16", ["n"]);
    const brain = graph.input("brain", "bfloat16", ["n"]);
    graph.output("half_out", half);
    graph.output("brain_out", brain);
    graph.output("half_float", graph.cast(half, "float32"));
    graph.output("brain_float", graph.cast(brain, "float32"));
    await using(nativeEngine(), async (engine) => {
      const session = await engine.createSession({ ...graph.build("halves"), name: "halves" });
      const values = Tensor.from([1, -2.5, 1 / 3, 65504]);
      const given = values.astype("float16");
      const results = await session.run({ half: given, brain: values });
      assertEquals(results["half_out"]!.dtype, "float16");
      assert(results["half_out"]!.equals(given));
      assert(results["half_float"]!.equals(given.astype("float32")));
      // 8 bits of mantissa: 1/3 = 0x3eaaaaab is rounded up to 0x3eab
      assertEquals([...results["brain_out"]!.data], [1, -2.5, 0.333984375, 65536]);
      assert(results["brain_float"]!.equals(results["brain_out"]!));
      await assertRejects(
        () => session.run({ half: values, brain: values }),
        TypeError,
        'Cannot run halves: "half" is float32; give it as float16',
      );
    });
  });

  it("gives numbers, empty tensors, truth and int64 as the binding does", async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n"]);
    const i = graph.input("i", "int64", []);
    graph.output("shape", graph.node("Shape", [x], {}, { dtype: "int64" }));
    graph.output("positive", graph.node("Greater", [x, graph.scalar(0)], {}, { dtype: "bool" }));
    graph.output("next", graph.node("Add", [i, graph.scalar(1, "int64")]));
    graph.output("same", x);
    const spec = { ...graph.build("kinds"), name: "kinds" };
    const inputs = [
      { x: Tensor.from([1, -1]), i: Tensor.full([], 41, "int64") },
      { x: Tensor.zeros([0]), i: Tensor.full([], -1, "int64") },
    ];
    for (const given of inputs) {
      const [here, there] = await Promise.all(
        [inlineEngine(), nativeEngine()].map((engine) =>
          using(engine, async (engine) => await (await engine.createSession(spec)).run(given))
        ),
      );
      assertEquals(there, here);
    }
  });

  it("refuses inputs and outputs that there are none of", async () => {
    await using(nativeEngine(), async (engine) => {
      const session = await engine.createSession(powers(1));
      const x = Tensor.zeros([2, 2]);
      const refused = async (run: () => Promise<unknown>, why: string) =>
        await assertRejects(run, TypeError, `Cannot run powers: ${why}`);
      await refused(() => session.run({ x, z: x }), 'it has no input "z"; it has x');
      await refused(() => session.run({}), 'the input "x" is missing');
      await refused(() => session.run({ x }, { outputs: ["z"] }), 'it has no output "z"; it has y');
      await refused(() => session.run({ x }, { outputs: [] }), "no output is asked for");
    });
  });

  it("refuses options that its device does not take, as the binding does all", async () => {
    const spec = { ...powers(1), deviceOptions: { use_tf32: false } };
    await using(nativeEngine(), async (engine) => {
      await assertRejects(() => engine.createSession(spec), RangeError, "use_tf32");
    });
    await using(inlineEngine(), async (engine) => {
      await assertRejects(() => engine.createSession(spec), RangeError, "use_tf32");
    });
  });

  it("releases sessions that were collected", async () => {
    const program = `
      import { nativeEngine } from "@denoise/onnx";
      import { Graph } from "@denoise/onnx/graph";
      import { Tensor } from "@denoise/core";
      const engine = nativeEngine();
      async function one() {
        const graph = new Graph();
        const weight = { dtype: "float32", dims: [1024, 4096], data: new Uint8Array(2 ** 24).fill(1) };
        const x = graph.input("x", "float32", ["n", 1024]);
        graph.output("y", graph.node("MatMul", [x, graph.weight("w", weight)]));
        const session = await engine.createSession({ ...graph.build("w"), name: "w" });
        await session.run({ x: Tensor.zeros([1, 1024]) });
      }
      for (let i = 0; i < 60; i++) { // 16 MB each, 960 MB in all
        await one();
        gc();
        for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      console.log(Deno.memoryUsage().rss / 2 ** 20);`;
    await withProgram(program, async (file) => {
      const { success, stdout, stderr, signal } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--no-lock", "--v8-flags=--expose-gc", file],
        signal: AbortSignal.timeout(600_000),
      }).output();
      assert(success, `it ended by ${signal}: ${new TextDecoder().decode(stderr)}`);
      const used = Number(new TextDecoder().decode(stdout));
      assert(used < 700, `${used} MB are in use`);
    });
  });
});

describe("childEngine({ native: true })", () => {
  it("is a lost engine here when native code fails there, and computes again", async () => {
    const folder = await Deno.makeTempDir();
    const signal = `${folder}/fail`;
    const fault = `Deno.unrefTimer(setInterval(() => {
      try {
        Deno.statSync(${JSON.stringify(signal)});
      } catch {
        return;
      }
      Deno.UnsafePointerView.getCString(Deno.UnsafePointer.create(16n)); // nothing lies there
    }, 5));`;
    await withProgram(fault, async (file) => {
      const flags = ["--preload", file, `--allow-read=${signal}`];
      await using(childEngine({ native: true, flags }), async (engine) => {
        const session = await engine.createSession(powers(300));
        const x = Generator.manualSeed(1).randn([1024, 1024]); // 300 products of 2 GFLOP
        const failed = assertRejects(() => session.run({ x }), DenoiseError, "SIGSEGV");
        await turns(10);
        await Deno.writeTextFile(signal, "");
        assertEquals((await failed).code, "engine_lost");
        await Deno.remove(signal);
        assertEquals((await session.run({ x: Tensor.from([[0]]) }))["y"]!.item(), 0);
      });
    });
    await Deno.remove(folder, { recursive: true });
  });
});

describe("SharedLock", () => {
  it("lets many in together, and one alone, in the order in which they ask", async () => {
    const lock = new SharedLock();
    const log: string[] = [];
    const task = (name: string) => async () => {
      log.push(`${name} in`);
      await turns(5);
      log.push(`${name} out`);
    };
    await Promise.all([
      lock.together(task("a")),
      lock.together(task("b")),
      lock.alone(task("c")),
      lock.alone(task("d")),
      lock.together(task("e")),
      lock.together(task("f")),
    ]);
    assertEquals(
      log.join(", "),
      "a in, b in, a out, b out, c in, c out, d in, d out, e in, f in, e out, f out",
    );
  });

  it("goes on after one that failed", async () => {
    const lock = new SharedLock();
    const failed = assertRejects(() => lock.alone(() => Promise.reject(new Error("no"))));
    assertEquals(await lock.together(() => Promise.resolve(1)), 1);
    await failed;
    await assertRejects(() => lock.together(() => Promise.reject(new Error("no"))));
    assertEquals(await lock.alone(() => Promise.resolve(2)), 2);
  });
});

/** Lets a program lie in this package, whose imports it has. */
async function withProgram<T>(program: string, use: (file: string) => Promise<T>): Promise<T> {
  const dir = new URL("..", import.meta.url).pathname;
  const file = await Deno.makeTempFile({ dir, prefix: "program_", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}
