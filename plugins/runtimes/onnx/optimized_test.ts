import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type LoadOptions, type Model, number, Tensor } from "@denoise/core";
import type { AdaptableModel } from "@denoise/adapters";
import {
  childEngine,
  defineModel,
  type Engine,
  float32,
  inlineEngine,
  type ModelDefinition,
  type SessionSpec,
} from "@denoise/onnx";
import { conv2d, linear, silu, toTokens } from "@denoise/onnx/nn";
import { saveSafetensors } from "@denoise/safetensors";

interface Config {
  channels: number;
}

interface Coder extends Model<Config> {
  forward(x: Tensor): Promise<Tensor>;
}

const definition: ModelDefinition<Config, Coder> = {
  className: "Coder",
  schema: { channels: number(32) },
  graphs: {
    forward: {
      inputs: ({ channels }) => ({ x: float32("batch", channels, "height", "width") }),
      build: (s, _config, { x }) => {
        const h = silu(s, conv2d(s.at("conv"), x!, { padding: 1 }));
        return { y: linear(s.at("proj"), toTokens(s, h), { bias: false }) };
      },
    },
  },
  methods: (model) => ({ forward: async (x) => (await model.run("forward", { x })).y! }),
};

const Coder = defineModel(definition);

const wave = (dims: readonly number[]) => {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.from(Float32Array.from({ length: size }, (_, i) => Math.sin(i * i)), dims);
};

async function repo(dtype: "float32" | "float16" = "float32", width = 1024): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config.json`, '{"channels": 32}');
  const tensors = {
    "conv.weight": wave([64, 32, 3, 3]),
    "conv.bias": wave([64]),
    "proj.weight": wave([width, 64]),
  };
  const stored = Object.entries(tensors).map(([name, tensor]) => [name, tensor.astype(dtype)]);
  await saveSafetensors(`${folder}/model.safetensors`, Object.fromEntries(stored));
  return folder;
}

/** An engine that tells what is asked of it. */
function telling(engine: Engine): Engine & { readonly specs: SessionSpec[] } {
  const specs: SessionSpec[] = [];
  return {
    specs,
    createSession(spec) {
      specs.push(spec);
      return engine.createSession(spec);
    },
    close: () => engine.close(),
  };
}

const x = wave([1, 32, 6, 5]);

async function started(folder: string, options: LoadOptions, engine: Engine = inlineEngine()) {
  const watched = telling(engine);
  const model = await Coder.fromPretrained(folder, { ...options, engine: watched });
  const y = await model.forward(x);
  await model.dispose();
  return { y, spec: watched.specs.at(-1)!, model };
}

/** Runs with a cache of its own, which stays: tests beside this one, in the same process, may have put files into it. */
async function withCache(work: (cache: string) => Promise<void>): Promise<void> {
  const before = Deno.env.get("DENOISE_CACHE");
  const cache = await Deno.makeTempDir();
  Deno.env.set("DENOISE_CACHE", cache);
  try {
    await work(cache);
  } finally {
    if (before === undefined) Deno.env.delete("DENOISE_CACHE");
    else Deno.env.set("DENOISE_CACHE", before);
  }
}

async function kept(cache: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(`${cache}/optimized`))).map(({ name }) => name);
}

describe("optimize", () => {
  for (const home of ["inline", "child"] as const) {
    it(`"speed" keeps the rewritten graph, which the next start maps (${home})`, async () => {
      await withCache(async (cache) => {
        const folder = await repo();
        const engine = home === "child" ? childEngine() : inlineEngine();
        const plain = await started(folder, {}, engine);
        assertEquals([plain.spec.optimization, plain.spec.prepacking], [undefined, false]);
        const first = await started(folder, { optimize: "speed" }, engine);
        assertEquals(first.spec.optimization, "all");
        const [name, ...others] = await kept(cache);
        assertEquals(others, []);
        const files = await Array.fromAsync(Deno.readDir(`${cache}/optimized/${name}`));
        assertEquals(files.map(({ name }) => name).sort(), ["model.onnx", "weights.bin"]);
        const next = await started(folder, { optimize: "speed" }, engine);
        assertEquals(next.spec.optimization, "none");
        assertEquals(next.spec.folder, `${cache}/optimized/${name}`);
        assertEquals(next.y.data, first.y.data);
        assertEquals((await started(folder, {}, engine)).y.data, plain.y.data);
        // float32 sums in another order
        first.y.data.forEach((value, i) =>
          assert(Math.abs(Number(value) - Number(plain.y.data[i])) < 1e-4)
        );
        await engine.close();
      });
    });
  }

  it("maps no weights that begin where products cannot read them", async () => {
    await withCache(async (cache) => {
      const odd = await Deno.makeTempDir();
      await Deno.writeTextFile(`${odd}/config.json`, '{"channels": 32}');
      await saveSafetensors(`${odd}/model.safetensors`, {
        "conv.weight": wave([67, 32, 3, 3]),
        "conv.bias": wave([67]),
        "proj.weight": wave([1023, 67]), // 274,164 bytes, which 64 does not divide
      });
      const plain = await started(odd, {});
      for (let start = 0; start < 3; start++) {
        const { y } = await started(odd, { optimize: "speed" });
        y.data.forEach((value, i) =>
          assert(Math.abs(Number(value) - Number(plain.y.data[i])) < 1e-4)
        );
      }
      assertEquals((await kept(cache)).length, 1);
    });
  });

  it("makes another graph when the weights are another file", async () => {
    await withCache(async (cache) => {
      const folder = await repo();
      await started(folder, { optimize: "speed" });
      await Deno.utime(`${folder}/model.safetensors`, 1, 1);
      const { spec } = await started(folder, { optimize: "speed" });
      assertEquals(spec.optimization, "all");
      assertEquals((await kept(cache)).length, 2);
    });
  });

  it("keeps weights of 16 bits of a small model, which are widened once", async () => {
    await withCache(async (cache) => {
      const folder = await repo("float16");
      const plain = await started(folder, {});
      await started(folder, { optimize: "speed" });
      const { y, spec } = await started(folder, { optimize: "speed" });
      assertEquals([spec.optimization, (await kept(cache)).length], ["none", 1]);
      y.data.forEach((value, i) =>
        assert(Math.abs(Number(value) - Number(plain.y.data[i])) < 1e-4)
      );
    });
  });

  it("keeps nothing of weights that stay in 16 bits, or of adapters", async () => {
    const large = await repo("float16", 2 ** 18);
    await withCache(async (cache) => {
      const half = await started(large, { optimize: "speed" });
      assertEquals(half.spec.optimization, undefined);
      const watched = telling(inlineEngine());
      const model = await Coder.fromPretrained(await repo(), {
        optimize: "speed",
        engine: watched,
      });
      const layer = { down: wave([2, 64]), up: wave([1024, 2]), scale: 1 };
      await (model as Coder & AdaptableModel<Config>).setAdapters([
        { name: "a", weight: 1, layers: new Map([["proj", layer]]) },
      ]);
      await model.forward(x);
      assertEquals(watched.specs.at(-1)!.optimization, undefined);
      await model.dispose();
      await assertRejects(() => Deno.readDir(`${cache}/optimized`)[Symbol.asyncIterator]().next());
    });
  });

  it("works without a cache that can be written, and says so", async () => {
    await withCache(async (cache) => {
      await Deno.writeTextFile(`${cache}/optimized`, "");
      const warnings: string[] = [];
      const onWarning = (text: string) => void warnings.push(text);
      const { y } = await started(await repo(), { optimize: "speed", onWarning });
      assertEquals(y.dims, [1, 30, 1024]);
      assertEquals(warnings.length, 1);
      assert(warnings[0]!.startsWith("Coder.forward: its rewritten graph could not be kept: "));
    });
  });

  it("is one of two words", async () => {
    const folder = await repo();
    const options = { optimize: "fast" as "speed" };
    await assertRejects(
      () => Coder.fromPretrained(folder, options),
      RangeError,
      'it must be "start" or "speed"',
    );
  });
});
