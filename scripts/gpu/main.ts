/**
 * `deno task gpu [--out FOLDER] [--device cuda] [--engines JSON] [--also JSON] [--models NAMES]
 * [--uncompiled NAMES] [--no-compile] [steps]`: proves on a machine with a card, without a network, that the project computes there what the
 * reference computes, and measures it against torch in turns. Everything is in FOLDER/gpu.json, renewed
 * after each step, so that a run that is stopped leaves what it had.
 *
 * Steps: doctor, float32, float16, bfloat16 (models against the reference), pipelines, webgpu, and the
 * kernels (of one call, by Nsight Compute where it is there), and the models to measure: vae, sd15, sdxl, vae1024, flux, zimage. All of them where none is named.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { TorchDtype } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { cardName } from "./card.ts";
import { byKernel } from "./kernels.ts";
import { readLines } from "./lines.ts";
import type { ParityLine } from "./parity.ts";
import type { PipelineLine } from "./pipelines.ts";
import { makeFixtures } from "../../tests/support/fixtures.ts";
import { judge, type Verdict } from "./limits.ts";
import { TorchSide } from "./torch_side.ts";

const { values: flags, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  allowNegative: true,
  options: {
    out: { type: "string", default: ".cache/gpu/out" },
    device: { type: "string", default: "cuda" },
    engines: {
      type: "string",
      default: '{"binding": {"engine": "inline"}, "native": {"engine": "native"}}',
    },
    also: { type: "string", default: "{}" },
    models: { type: "string", default: "" },
    compile: { type: "boolean", default: true },
    uncompiled: { type: "string", default: "" },
    python: { type: "string", default: "python3" },
    weights: { type: "string", default: "/tmp/denoise-gpu-weights" },
  },
});
const { out, device, python, weights } = flags;

/** Load options, and environment variables that a row is measured with. */
type Row = object & { readonly env?: Record<string, string> };
/** By the name that a row has. */
const engines: Record<string, Row> = JSON.parse(flags.engines);
/** More rows of a model that is measured, by its name. */
const also: Record<string, Record<string, Row>> = JSON.parse(flags.also);

const MODELS = ["vae", "sd15", "sdxl", "vae1024", "flux", "zimage"];
const CLASSES: Record<string, string> = {
  flux: "FluxTransformer2DModel",
  zimage: "ZImageTransformer2DModel",
};
const STEPS: Record<string, () => Promise<unknown>> = {
  doctor,
  float32: () => parity("float32"),
  float16: () => parity("float16"),
  bfloat16: () => parity("bfloat16"),
  pipelines,
  webgpu: () => child("webgpu", 40, "webgpu.ts", [`${out}/webgpu.json`]).then(readResult("webgpu")),
  kernels,
  ...Object.fromEntries(MODELS.map((name) => [name, () => measure(name)])),
};

const unknown = positionals.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(
    `There is no step ${unknown.join(", ")}; steps are ${Object.keys(STEPS).join(", ")}`,
  );
  Deno.exit(2);
}
const chosen = positionals.length > 0 ? positionals : Object.keys(STEPS);

const began = performance.now();
const result: Record<string, unknown> = { engines: Object.keys(engines) };
const torches = new Map<string, TorchSide>();

function seconds(since = began): number {
  return Number(((performance.now() - since) / 1000).toFixed(1));
}

async function save(): Promise<void> {
  await Deno.writeTextFile(`${out}/gpu.json`, JSON.stringify(result, null, 1));
}

/** Runs a script of this folder in a process of its own, for so many seconds at most. */
async function child(
  log: string,
  limit: number,
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
  under: readonly string[] = [],
): Promise<void> {
  const path = new URL(script, import.meta.url).pathname;
  const file = await Deno.open(`${out}/${log}.log`, { write: true, create: true, truncate: true });
  const process = new Deno.Command("timeout", { // which ends what the script has started, too
    args: [
      "-k",
      "5",
      `${limit}`,
      ...under,
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      path,
      ...args,
    ],
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const write = async (stream: ReadableStream<Uint8Array>) => {
    for await (const bytes of stream) await file.write(bytes);
  };
  const [{ code }] = await Promise.all([
    process.status,
    write(process.stdout),
    write(process.stderr),
  ]);
  file.close();
  if (code === 0) return;
  const said = (await Deno.readTextFile(`${out}/${log}.log`)).trim().slice(-600);
  throw new Error(`${code === 124 ? `took over ${limit} s` : `ended with code ${code}`}: ${said}`);
}

function readResult(name: string): () => Promise<unknown> {
  return async () => JSON.parse(await Deno.readTextFile(`${out}/${name}.json`));
}

async function doctor(): Promise<unknown> {
  await child("doctor", 60, "../../plugins/tools/cli/main.ts", ["doctor", "--json"]);
  const text = await Deno.readTextFile(`${out}/doctor.log`);
  const { devices, ...rest } = JSON.parse(
    text.slice(text.indexOf("{"), text.indexOf("\n}") + 2), // warnings may stand around it
  );
  return { ...rest, devices, card: await cardName() };
}

/** Float32 without the rounding of TF32, which is compared with float32 of a CPU. */
const EXACT = { NVIDIA_TF32_OVERRIDE: "0" };

/** Processes at once: a call takes the card for milliseconds, and a core for a second. */
const SHARDS = Math.max(1, Math.min(8, navigator.hardwareConcurrency / 2));

async function parity(dtype: TorchDtype): Promise<Record<string, Verdict | unknown>> {
  const rows: Record<string, unknown> = {};
  for (const [engine, options] of Object.entries(engines)) {
    const problems: string[] = [];
    const found = await Promise.all(Array.from({ length: SHARDS }, async (_, shard) => {
      const name = `${engine}-${dtype}-${shard}`.replaceAll(/[^\w.-]/g, "_");
      const path = `${out}/${name}.jsonl`;
      const args = [
        path,
        device,
        dtype,
        `${shard}/${SHARDS}`,
        JSON.stringify(options),
        flags.models,
      ];
      await child(name, 100, "parity.ts", args, dtype === "float32" ? EXACT : {})
        .catch((error) => problems.push(error.message));
      return await readLines<ParityLine>(path);
    }));
    rows[engine] = { ...judge(found.flat()), problems };
    result[dtype] = rows;
    await save();
  }
  return rows;
}

async function pipelines(): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const [engine, options] of Object.entries(engines)) {
    for (const dtype of ["float16", "float32"]) {
      const name = `pipelines-${engine}-${dtype}`.replaceAll(/[^\w.-]/g, "_");
      const args = [`${out}/${name}.jsonl`, device, dtype, JSON.stringify(options)];
      const problem = await child(name, 60, "pipelines.ts", args, dtype === "float32" ? EXACT : {})
        .then(() => undefined, (error) => error.message);
      const found = await readLines<PipelineLine>(`${out}/${name}.jsonl`);
      const wrong = found.filter(({ pixels = 0, error, psnr }) =>
        error !== undefined || (psnr === undefined ? pixels > 1 : psnr !== null && psnr < 40)
      );
      const { psnr, pixels, ms, modelMs, stepOverheadMs } = found[0] ?? {};
      const emoji = { psnr, pixels, ms, modelMs, stepOverheadMs };
      rows[`${engine} ${dtype}`] = { calls: found.length, emoji, wrong, problem };
    }
  }
  return rows;
}

/** The models that can be measured: those whose class the project has. */
function isMeasured(name: string): boolean {
  return MODELS.includes(name) && (CLASSES[name] === undefined || registry.has(CLASSES[name]!));
}

/** Starts torch's side, which makes its models and compiles them while others are compared. */
function prepare(name: string): void {
  const script = new URL("torch_models.py", import.meta.url).pathname;
  const side = new TorchSide(python, [script, weights, name], `${out}/torch-${name}.log`);
  torches.set(name, side);
  side.made = side.ask({ do: "make" });
  if (flags.compile && !flags.uncompiled.split(",").includes(name)) {
    side.compiled = side.ask({ do: "compile" });
  }
}

/** Where the time of one call goes, by kernel, for the models that torch's side has made. */
async function kernels(): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const [name, side] of torches) {
    const { dtype = "float16" } = await side.made as { dtype?: string };
    const load = JSON.stringify({ engine: "native", deviceOptions: { enable_cuda_graph: false } });
    const args = [`${out}/profiled.json`, `${weights}/${name}`, device, dtype, "2", load];
    const table = `${out}/kernels-${name}.csv`;
    const ncu = ["ncu", "--clock-control", "none", "--metrics", "gpu__time_duration.sum"]
      .concat("--csv", "--log-file", table, "--profile-from-start", "off");
    rows[name] = await child(`kernels-${name}`, 90, "models.ts", args, { PROFILE_CALL: "1" }, ncu)
      .then(() => Deno.readTextFile(table)).then(byKernel, (error) => error.message);
    result.kernels = rows;
    await save();
  }
  return rows;
}

async function measure(name: string): Promise<unknown> {
  const side = torches.get(name);
  if (side === undefined) return { skipped: `the project has no ${CLASSES[name]} yet` };
  const made = await side.made!;
  const rows: Record<string, unknown> = { made };
  result[name] = rows;
  rows.compiled = await side.compiled;
  await save();
  const ways = side.compiled === undefined ? [] : ["channels_last", "compile"];
  for (const how of ["eager", ...ways]) {
    rows[`torch ${how}`] = await side.ask({ do: "time", how });
    await save();
  }
  const dtype = `${(made as { dtype?: string }).dtype ?? "float16"}`;
  for (const [engine, { env, ...options }] of Object.entries({ ...engines, ...also[name] })) {
    const file = `${name}-${engine}`.replaceAll(/[^\w.-]/g, "_");
    const args = [`${out}/${file}.json`, `${weights}/${name}`, device, dtype, "20"];
    rows[engine] = await child(file, 100, "models.ts", [...args, JSON.stringify(options)], env)
      .then(readResult(file)).catch((error) => ({ error: error.message.slice(-600) }));
    await save();
  }
  const again = side.compiled === undefined ? "eager" : "compile";
  rows[`torch ${again} again`] = await side.ask({ do: "time", how: again });
  await side.close();
  return rows;
}

await Deno.mkdir(out, { recursive: true });
await Deno.mkdir(weights, { recursive: true });
for (const name of chosen.filter(isMeasured)) prepare(name);
makeFixtures(); // once, before several processes would
for (const name of chosen) {
  const start = performance.now();
  try {
    result[name] = await STEPS[name]!();
  } catch (error) {
    result[name] = { error: (error as Error).message };
  }
  const text = JSON.stringify(result[name]);
  console.log(`[${seconds()} s] ${name}, ${seconds(start)} s: ${text.slice(0, 700)}`);
  await save();
}
for (const side of torches.values()) await side.close();
