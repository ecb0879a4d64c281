import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Generator, Tensor } from "@denoise/core";
import {
  childEngine,
  type Engine,
  inlineEngine,
  nativeEngine,
  type SessionSpec,
  workerEngine,
} from "@denoise/onnx";
import { Graph } from "@denoise/onnx/graph";
import { cgroupThreads } from "../cgroup.ts";
import { withDefaults } from "./engine.ts";
import { engineOf } from "./homes.ts";
import { turns } from "../../../../tests/support/until.ts";

/** y = x·x·x..., each product scaled to keep its size. */
function powers(count: number): SessionSpec {
  const graph = new Graph();
  const x = graph.input("x", "float32", ["n", "n"]);
  let y = x;
  for (let i = 0; i < count; i++) {
    y = graph.node("Mul", [graph.node("MatMul", [y, x]), graph.scalar(0.05)]);
  }
  graph.output("y", y);
  graph.output("first", x);
  return { ...graph.build("powers"), name: "powers" };
}

const homes: Record<string, () => Engine> = {
  inlineEngine,
  workerEngine,
  childEngine: () => childEngine(),
  nativeEngine,
  nativeChildEngine: () => childEngine({ native: true }),
};

async function using<T>(engine: Engine, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** How often this thread had another turn while something ran. */
async function turnsDuring(task: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const ended = task().finally(() => isDone = true);
  for (; !isDone; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
  await ended;
  return turns;
}

const noise = Generator.manualSeed(0).randn([64, 64]);

for (const [name, open] of Object.entries(homes)) {
  describe(`${name}()`, () => {
    it("gives the numbers of this thread, bit for bit", async () => {
      const here = await using(inlineEngine(), async (engine) => {
        const session = await engine.createSession(powers(3));
        return await session.run({ x: noise });
      });
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(3));
        const there = await session.run({ x: noise });
        assertEquals(there["y"]!.dims, [64, 64]);
        assert(there["y"]!.equals(here["y"]!));
        assert(noise.data.length === 64 * 64, "what is given stays with the caller");
        const some = await session.run({ x: noise }, { outputs: ["first"] });
        assertEquals(Object.keys(some), ["first"]);
        await session.release();
        await assertRejects(() => session.run({ x: noise }), TypeError, "it was released");
      });
    });

    it("takes a view on a larger buffer as what it shows", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(0));
        const data = new Float32Array([9, 1, 2, 3, 4, 9]).subarray(1, 5);
        const { first } = await session.run({ x: Tensor.from(data, [2, 2]) });
        assertEquals(first!.toNested(), [[1, 2], [3, 4]]);
      });
    });

    it("runs sessions side by side, each with its own graph", async () => {
      await using(open(), async (engine) => {
        const [one, two] = await Promise.all([
          engine.createSession(powers(1)),
          engine.createSession(powers(2)),
        ]);
        const x = Tensor.from([[2]]);
        const results = await Promise.all([one, two, one].map((session) => session!.run({ x })));
        const wanted = [2 * 2 * 0.05, 2 * 2 * 0.05 * 2 * 0.05, 2 * 2 * 0.05];
        results.forEach(({ y }, i) => assert(Math.abs(y!.item() - wanted[i]!) < 1e-6));
      });
    });

    it("passes errors on as what they are", async () => {
      await using(open(), async (engine) => {
        const broken = { ...powers(1), model: new Uint8Array([1, 2, 3]), name: "broken" };
        await assertRejects(() => engine.createSession(broken), Error, "Cannot start broken");
        const session = await engine.createSession(powers(1));
        const half = Tensor.zeros([2, 2], "float16");
        await assertRejects(() => session.run({ x: half }), TypeError, "float16");
        const x = Tensor.zeros([2, 3]);
        await assertRejects(() => session.run({ x }), Error, "Cannot run powers");
      });
    });

    it("finishes what runs before it releases a session", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(2));
        const run = session.run({ x: noise });
        await session.release();
        assertEquals((await run)["y"]!.dims, [64, 64]);
      });
    });

    it("does not start a run whose signal has fired", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(1));
        const signal = AbortSignal.abort();
        const error = await assertRejects(
          () => session.run({ x: noise }, { signal }),
          DOMException,
        );
        assertEquals(error.name, "AbortError");
      });
    });
  });
}

for (const name of ["workerEngine", "childEngine", "nativeEngine"]) {
  const open = homes[name]!;
  describe(`${name}()`, () => {
    it("leaves this thread free while it computes", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession({ ...powers(60), threads: 1 });
        const x = Generator.manualSeed(1).randn([512, 512]);
        // 16 GFLOP on one core; a run on this thread would leave it a turn before and one after
        const turns = await turnsDuring(() => session.run({ x }));
        assert(turns > 10, `this thread had ${turns} turns`);
      });
    });

    it("lets a program end that has not closed it", async () => {
      const program = `
        import { ${name} } from "@denoise/onnx";
        import { Graph } from "@denoise/onnx/graph";
        import { Tensor } from "@denoise/core";
        const graph = new Graph();
        graph.output("y", graph.node("Neg", [graph.input("x", "float32", [1])]));
        const session = await ${name}().createSession({ ...graph.build("neg"), name: "neg" });
        console.log((await session.run({ x: Tensor.from([3]) })).y.item());`;
      const folder = new URL("..", import.meta.url);
      const file = await Deno.makeTempFile({
        dir: folder.pathname,
        prefix: "ends_",
        suffix: ".ts",
      });
      try {
        await Deno.writeTextFile(file, program);
        const { success, stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", "--no-lock", file],
          signal: AbortSignal.timeout(600_000),
        }).output();
        assert(success);
        assertEquals(new TextDecoder().decode(stdout).trim(), "-3");
      } finally {
        await Deno.remove(file);
      }
    });
  });
}

for (const name of ["workerEngine", "childEngine"]) {
  const open = homes[name]!;
  describe(`${name}()`, () => {
    it("cancels a run that waits for its turn", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(8));
        const x = Generator.manualSeed(1).randn([512, 512]);
        const controller = new AbortController();
        const first = session.run({ x });
        const second = session.run({ x }, { signal: controller.signal });
        controller.abort();
        const error = await assertRejects(() => second, DOMException);
        assertEquals(error.name, "AbortError");
        assertEquals((await first)["y"]!.dims, [512, 512]);
      });
    });

    it("fails what is under way when it is lost, and computes again", async () => {
      await using(open(), async (engine) => {
        const session = await engine.createSession(powers(200));
        const x = Generator.manualSeed(1).randn([512, 512]);
        const failed = assertRejects(() => session.run({ x }), DenoiseError);
        await turns(10); // it is under way, or on its way
        await engine.close();
        assertEquals((await failed).code, "engine_lost");
        assertEquals((await session.run({ x: Tensor.from([[1]]) }))["first"]!.item(), 1);
      });
    });
  });
}

describe("childEngine()", () => {
  it("survives the crash of its process", async () => {
    const mark = "--seed=4711"; // other tests have children of this process, too
    await using(childEngine({ flags: [mark] }), async (engine) => {
      const session = await engine.createSession(powers(200));
      const x = Generator.manualSeed(1).randn([512, 512]);
      const under = assertRejects(() => session.run({ x }), DenoiseError, "SIGKILL");
      await turns(10);
      for (const pid of await processesWith(mark)) Deno.kill(pid, "SIGKILL");
      assertEquals((await under).code, "engine_lost");
      assertEquals((await session.run({ x: Tensor.from([[1]]) }))["first"]!.item(), 1);
    });
  });
});

/** Processes with that argument (Linux). */
async function processesWith(argument: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (command.split("\0").includes(argument)) found.push(Number(name));
  }
  return found;
}

describe("withDefaults()", () => {
  it("fills in what a spec leaves open, undefined too", () => {
    const defaults = { threads: 2, optimization: "all" } as const;
    const spec = { ...powers(0), threads: undefined };
    assertEquals(withDefaults(spec, defaults).threads, 2);
    assertEquals(withDefaults({ ...spec, threads: 1 }, defaults).threads, 1);
    assertEquals(withDefaults(spec, {}).threads, cgroupThreads());
    assertEquals(withDefaults({ ...spec, optimization: "basic" }, defaults).optimization, "basic");
  });
});

describe("engineOf()", () => {
  it("shares one engine among those who ask by name", () => {
    assert(engineOf("worker") === engineOf("worker"));
    assert(engineOf() === engineOf("inline"));
    const own = inlineEngine();
    assert(engineOf(own) === own);
  });

  it("refuses what is no engine", () => {
    assertThrows(() => engineOf("thread" as "child"), RangeError, "inline, worker, child");
    assertThrows(() => engineOf({}), TypeError, "createSession");
  });
});
