/**
 * Every model class on onnxruntime's real CUDA provider over a fake CUDA, which computes nothing
 * (scripts/gpu/fake/build.sh makes it and says how this is run): in each precision, sessions are made, so
 * every operator has a kernel, calls run, and nothing but sizes is computed on the CPU.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import type { ModelClass, TorchDtype } from "@denoise/core";
import { type Engine, nativeEngine } from "@denoise/onnx";
import { registry } from "@denoise/denoise/registry";
import { fixture, readGolden } from "./support/golden.ts";
import { callModel, MODEL_CLASSES, type ModelGolden } from "./support/models.ts";

const ignore = (Deno.env.get("DENOISE_FAKE_CUDA") ?? "0") === "0";

/** What a result of garbage may end in: sizes that are computed on the card, and numbers that are none. */
const GARBAGE = /not a number|NaN|requested shape|cannot broadcast/;

/** What a profile of onnxruntime's says of a node that ran. */
interface NodeEvent {
  readonly cat: string;
  readonly name: string;
  readonly args?: {
    readonly op_name?: string;
    readonly provider?: string;
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** More numbers than a list of sizes has. */
const SIZES = 16;

/** The one of DPT's backbone in bfloat16, of whose operator set CUDA has none. */
const KNOWN = ["MaxPool"];

/** Whether all that a node makes are sizes. */
function makesSizes({ args }: NodeEvent): boolean {
  return args!.output_type_shape!.every((output) =>
    Object.entries(output).every(([type, dims]) =>
      /^(int64|int32|bool)$/.test(type) && dims.reduce((product, dim) => product * dim, 1) < SIZES
    )
  );
}

/** Operators that computed on the CPU, other than sizes, and copies, by the profile of a session. */
async function onCpu(folder: string): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(folder));
  const found: string[] = [];
  for (const { name } of files) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    if (text === "") continue; // of a session that could not be made so, and was made otherwise
    const events: NodeEvent[] = JSON.parse(text);
    const nodes = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
    const isKnown = nodes.some(({ args }) =>
      args!.provider === "CPUExecutionProvider" && KNOWN.includes(args!.op_name!)
    );
    const left = nodes.filter((node) => {
      const { op_name = "", provider } = node.args!;
      if (op_name.startsWith("Memcpy")) return !isKnown; // between operators, to the CPU or from it
      return provider === "CPUExecutionProvider" && !makesSizes(node) && !KNOWN.includes(op_name);
    });
    found.push(...left.map(({ name, args }) => `${args!.op_name}: ${name}`));
  }
  return [...new Set(found)];
}

/** An engine whose sessions leave profiles in a folder. */
function profiling(folder: string): Engine {
  const engine = nativeEngine();
  let sessions = 0;
  return {
    ...engine,
    createSession: (spec) => engine.createSession({ ...spec, profile: `${folder}/${++sessions}` }),
  };
}

async function problems(className: string, dtype: TorchDtype): Promise<string[]> {
  const Class = await registry.get(className, "model", "a test") as ModelClass;
  const found: string[] = [];
  for (const { name } of Deno.readDirSync(fixture(`models/${className}`))) {
    const id = `models/${className}/${name}`;
    const golden: ModelGolden = await readGolden(id);
    const folder = await Deno.makeTempDir({ prefix: "denoise-" });
    const options = { torchDtype: dtype, device: "cuda", engine: profiling(folder) } as const;
    const model = await Class.fromPretrained(fixture(id), options);
    for (const call of golden.head.cases.filter((one) => one.dtype === undefined)) {
      const problem = await callModel(model, call, golden).then(() => "", (error) => `${error}`);
      if (problem !== "" && !GARBAGE.test(problem)) found.push(`${name}, ${call.name}: ${problem}`);
    }
    await model.dispose();
    found.push(...(await onCpu(folder)).map((problem) => `${name}: ${problem}`));
    await Deno.remove(folder, { recursive: true });
  }
  return found;
}

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  describe(`models in ${dtype} under a fake CUDA`, { ignore }, () => {
    for (const className of MODEL_CLASSES.filter((name) => registry.has(name))) {
      it(className, async () => assertEquals(await problems(className, dtype), []));
    }
  });
}
