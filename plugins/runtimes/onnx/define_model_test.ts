import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  DenoiseError,
  type LoadOptions,
  type Model,
  type ModelClass,
  number,
  string,
  Tensor,
} from "@denoise/core";
import { encodeBfloat16, openSafetensors, readTensor, saveSafetensors } from "@denoise/safetensors";
import {
  childEngine,
  defineModel,
  float32,
  optional,
  probeDevices,
  unsupportedOption,
  workerEngine,
} from "@denoise/onnx";
import { add, linear } from "@denoise/onnx/nn";

interface Config {
  width: number;
  act_fn: string;
}

/** y = W·x + b (+ extra), and back again with the transposed weight of another module. */
interface Projection extends Model<Config> {
  forward(x: Tensor, extra?: Tensor, signal?: AbortSignal): Promise<Tensor>;
  back(y: Tensor): Promise<Tensor>;
}

const Projection: ModelClass<Projection> = defineModel({
  className: "Projection",
  schema: { width: number(3), act_fn: string("silu") },
  check: ({ act_fn }) => {
    if (act_fn !== "silu") throw unsupportedOption("Projection", "act_fn", act_fn, ["silu"]);
  },
  rename: (stored) => stored.replace(/^old_proj\./, "proj."),
  ignore: [/position_ids$/],
  graphs: {
    forward: {
      inputs: ({ width }) => ({
        x: float32("batch", width),
        extra: optional(float32("batch", 2)),
      }),
      build: (s, _config, { x, extra }) => {
        const y = linear(s.at("proj"), x!);
        return { y: extra === undefined ? y : add(s, y, extra) };
      },
    },
    back: {
      inputs: () => ({ y: float32("batch", 2) }),
      build: (s, _config, { y }) => ({ x: linear(s.at("back"), y!, { bias: false }) }),
    },
  },
  methods: (model) => ({
    forward: async (x, extra, signal) =>
      (await model.run("forward", { x, extra }, { signal }))["y"]!,
    back: async (y) => (await model.run("back", { y }))["x"]!,
  }),
});

const WEIGHTS = {
  "proj.weight": Tensor.from([[1, 2, 3], [4, 5, 6.0078125]]),
  "proj.bias": Tensor.from([0.5, -0.5]),
  "back.weight": Tensor.from([[1, 0], [0, 1], [1, 1]]),
  "embeddings.position_ids": Tensor.arange(0, 4),
};

async function folderWith(
  tensors: Record<string, Tensor> = WEIGHTS,
  config: Record<string, unknown> = { width: 3 },
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/config.json`, JSON.stringify(config));
  await saveSafetensors(`${path}/diffusion_pytorch_model.safetensors`, tensors);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function load(path: string, options: LoadOptions = {}): Promise<Projection> {
  return await Projection.fromPretrained(path, options);
}

describe("defineModel()", () => {
  it("makes a class that loads a folder and computes", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    assertEquals(model.className, "Projection");
    assertEquals(model.config.width, 3);
    assertEquals(model.numParameters, 14);
    assertEquals(model.device, "cpu");
    assertEquals(model.dtype, "float32");
    const y = await model.forward(Tensor.from([[1, 1, 1], [0, 1, 0]]));
    assertEquals(y.dims, [2, 2]);
    assertEquals([...y.data], [6.5, 14.5078125, 2.5, 4.5]);
    assertEquals((await model.back(Tensor.from([[1, 2]]))).toNested(), [[1, 2, 3]]);
    await model.dispose();
  });

  it("builds a graph with and without an optional input", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    const x = Tensor.from([[1, 0, 0]]);
    assertEquals((await model.forward(x)).toNested(), [[1.5, 3.5]]);
    assertEquals((await model.forward(x, Tensor.from([[10, 20]]))).toNested(), [[11.5, 23.5]]);
    await model.dispose();
  });

  it("computes again after dispose()", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    const x = Tensor.from([[1, 0, 0]]);
    const before = await model.forward(x);
    await model.dispose();
    assertEquals(await model.forward(x), before);
    await model.dispose();
  });

  it("stops before a run when the signal has fired", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    const error = await assertRejects(
      () => model.forward(Tensor.from([[1, 0, 0]]), undefined, AbortSignal.abort()),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    await model.dispose();
  });

  it("takes tensors that are stored under an old name", async () => {
    const renamed = Object.fromEntries(
      Object.entries(WEIGHTS).map(([name, tensor]) => [name.replace(/^proj/, "old_proj"), tensor]),
    );
    await using folder = await folderWith(renamed);
    const model = await load(folder.path);
    assertEquals((await model.forward(Tensor.from([[1, 0, 0]]))).toNested(), [[1.5, 3.5]]);
    await model.dispose();
  });

  it("rounds weights to torchDtype and computes in float32 on the CPU", async () => {
    await using folder = await folderWith();
    const x = Tensor.from([[0, 0, 1]]);
    // 6.0078125 = 6 + 2^-7 has 10 bits: float16 keeps 11 of them, bfloat16 8
    for (const [torchDtype, rounded] of [["float16", 6.0078125], ["bfloat16", 6]] as const) {
      const model = await load(folder.path, { torchDtype });
      assertEquals(model.dtype, torchDtype);
      assertEquals((await model.forward(x)).toNested(), [[3.5, rounded - 0.5]]);
      await model.dispose();
    }
  });

  it("is never moved to a device that does not compute in its type", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path, { torchDtype: "bfloat16" });
    const error = await assertRejects(
      () => model.to("webgpu"),
      DenoiseError,
      'Cannot move Projection to "webgpu": it does not compute in bfloat16; load the model with ' +
        'torchDtype "float32" or "float16"',
    );
    assertEquals(error.code, "unsupported_option");
    assertEquals(model.device, "cpu");
  });

  it("names a tensor that the checkpoint lacks", async () => {
    const { "back.weight": _, ...rest } = WEIGHTS;
    await using folder = await folderWith(rest);
    const error = await assertRejects(
      () => load(folder.path),
      DenoiseError,
      'Cannot build back: the checkpoint has no tensor "back.weight"',
    );
    assertEquals(error.code, "missing_tensor");
  });

  it("names tensors that it has no place for", async () => {
    const more = Object.fromEntries([..."abcdefg"].map((name) => [name, Tensor.from([1])]));
    await using folder = await folderWith({ ...WEIGHTS, ...more });
    const error = await assertRejects(
      () => load(folder.path),
      DenoiseError,
      `7 of the checkpoint's tensors: "a", "b", "c", "d", "e" and 2 more`,
    );
    assertEquals(error.code, "unexpected_tensor");
    assert(error.message.includes('{ unexpectedTensors: "warn" }'), error.message);
  });

  it("leaves them out with a warning where it is asked to, also in what it saves", async () => {
    await using folder = await folderWith({ ...WEIGHTS, "loss.logvar": Tensor.from([1]) });
    const warnings: string[] = [];
    const model = await load(folder.path, {
      unexpectedTensors: "warn",
      onWarning: (message) => void warnings.push(message),
    });
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes('"loss.logvar"'), warnings[0]);
    assertEquals((await model.forward(Tensor.from([[1, 1, 1]]))).toNested(), [[6.5, 14.5078125]]);
    await model.savePretrained(folder.path);
    await (await load(folder.path)).dispose();
    await model.dispose();
    const error = await assertRejects(
      () => load(folder.path, { unexpectedTensors: "ignore" as never }),
      RangeError,
      'it must be "error" or "warn"',
    );
    assert(error.message.includes('"ignore"'));
  });

  it("names a bias that the file lacks", async () => {
    const { "proj.bias": _, ...others } = WEIGHTS;
    await using folder = await folderWith(others);
    const message = 'Cannot build proj: the checkpoint has no tensor "proj.bias"';
    const error = await assertRejects(() => load(folder.path), DenoiseError, message);
    assertEquals(error.code, "missing_tensor");
  });

  it("names an option that it cannot build", async () => {
    await using folder = await folderWith(WEIGHTS, { act_fn: "snake" });
    const error = await assertRejects(
      () => load(folder.path),
      DenoiseError,
      'Cannot build Projection: act_fn = "snake" is not supported; supported are "silu"',
    );
    assertEquals(error.code, "unsupported_option");
  });

  it("explains weights that do not fit the config", async () => {
    await using folder = await folderWith(WEIGHTS, { width: 4 });
    const model = await load(folder.path);
    const error = await assertRejects(
      () => model.forward(Tensor.zeros([1, 4])),
      DenoiseError,
      "Does config.json belong to these weights?",
    );
    assertEquals(error.code, "invalid_config");
  });

  it("takes plain weights for a part of a pipeline that lacks the variant, with a warning", async () => {
    await using folder = await folderWith();
    const warnings: string[] = [];
    const options = { variant: "fp16", onWarning: (text: string) => void warnings.push(text) };
    const error = await assertRejects(() => load(folder.path, options), DenoiseError, '"fp16"');
    assertEquals(error.code, "missing_file");
    const model = await Projection.load({ path: folder.path, id: folder.path }, options);
    assertEquals(String(model), "Projection(14 parameters, float32 on cpu)");
    assertEquals(warnings.length, 1);
  });

  it("refuses options that are none", async () => {
    await using folder = await folderWith();
    await assertRejects(() => load(folder.path, { torchDtype: "int8" as "float16" }), RangeError);
    await assertRejects(() => load(folder.path, { engine: {} }), TypeError);
    await assertRejects(() => load(folder.path, { threads: 0 }), RangeError, "an integer from 1");
  });

  it("computes in a Worker and in a child process", async () => {
    await using folder = await folderWith();
    for (const engine of [workerEngine({ threads: 1 }), childEngine({ optimization: "all" })]) {
      const model = await load(folder.path, { engine });
      const results = await Promise.all([
        model.forward(Tensor.from([[1, 0, 0]])),
        model.back(Tensor.from([[1, 2]])),
      ]);
      assertEquals(results.map((result) => result.toNested()), [[[1.5, 3.5]], [[1, 2, 3]]]);
      await model.dispose();
      await engine.close();
    }
  });

  it("refuses tensors that do not fit its inputs", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    await assertRejects(
      () => model.forward(Tensor.zeros([1, 4])),
      TypeError,
      'Cannot run Projection.forward: "x" must be float32 [batch, 3], but is float32 [1, 4]',
    );
    await assertRejects(
      () => model.forward(Tensor.zeros([2, 3]), Tensor.zeros([1, 2])),
      TypeError,
      '"extra" must be float32 [batch, 2] with batch 2 as in "x", but is float32 [1, 2]',
    );
    await assertRejects(() => model.forward(Tensor.zeros([2, 3], "int64")), TypeError);
    await assertRejects(
      () => model.forward(undefined as unknown as Tensor),
      TypeError,
      'the input "x" is missing',
    );
  });

  it("refuses a device that there is not", async () => {
    await using folder = await folderWith();
    await assertRejects(() => load(folder.path, { device: "gpu" as "cpu" }), RangeError);
    const model = await load(folder.path);
    await assertRejects(() => model.to("cpu:1" as "cpu"), RangeError);
    const lacking = (await probeDevices()).find(({ available }) => !available)!.device;
    const error = await assertRejects(() => model.to(lacking), DenoiseError, "Cannot compute on");
    assertEquals(error.code, "runtime_unavailable");
    assertEquals(model.device, "cpu");
    assertEquals((await model.forward(Tensor.from([[1, 0, 0]]))).toNested(), [[1.5, 3.5]]);
    await model.dispose();
  });
});

describe("Model.savePretrained()", () => {
  it("writes a folder that gives the same model", async () => {
    await using folder = await folderWith();
    await using copy = await folderWith();
    const model = await load(folder.path);
    await model.savePretrained(copy.path);
    const again = await load(copy.path);
    const x = Tensor.from([[1, 2, 3]]);
    assertEquals(await again.forward(x), await model.forward(x));
    assertEquals(again.config.width, model.config.width);
    await model.dispose();
    await again.dispose();
  });

  it("writes weights in the type that they are held in", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path, { torchDtype: "bfloat16" });
    await model.savePretrained(folder.path);
    const saved = await openSafetensors(`${folder.path}/diffusion_pytorch_model.safetensors`);
    const weight = saved.tensors.get("proj.weight")!;
    assertEquals(weight.dtype, "bfloat16");
    const wanted = encodeBfloat16(WEIGHTS["proj.weight"].data as Float32Array);
    assertEquals(encodeBfloat16((await readTensor(weight)).data as Float32Array), wanted);
    assertEquals([...saved.tensors.keys()], ["back.weight", "proj.bias", "proj.weight"]);
  });

  it("may write over the files that it computes with", async () => {
    await using folder = await folderWith();
    const model = await load(folder.path);
    const x = Tensor.from([[1, 2, 3]]);
    const before = await model.forward(x);
    await model.savePretrained(folder.path);
    assertEquals(await model.forward(x), before);
    await model.dispose();
    assert((await Deno.stat(`${folder.path}/config.json`)).isFile);
  });
});
