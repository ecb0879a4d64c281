/**
 * `models.ts OUT FOLDER DEVICE DTYPE CALLS [LOAD]`: measures the model that torch_models.py wrote to FOLDER,
 * with the inputs that lie there, and how far its outputs are from torch's.
 *
 * @module
 */
import type { LoadOptions, ModelClass } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import {
  type Golden,
  parseTensors,
  relativeDifference,
  type Stored,
} from "../../tests/support/golden.ts";
import { callModel, type ModelCall } from "../../tests/support/models.ts";
import { cardMemory } from "./card.ts";

/** What one side took for a model. */
export interface Measured {
  /** Loading it, the device included. */
  readonly loadMs: number;
  /** The first call, which makes the session. */
  readonly firstMs: number;
  /** A call: median and least. */
  readonly ms: number;
  readonly min: number;
  /** What the card holds more than before, in GB; of the host, in GB. */
  readonly cardGB: number;
  readonly hostGB: number;
  /** How far its outputs are from torch's in the same precision and in float32. */
  readonly half: number;
  readonly full: number;
}

type Head = { readonly className: string; readonly cases: readonly ModelCall[] };

async function golden(folder: string): Promise<Golden<Head>> {
  const tensors = parseTensors(await Deno.readFile(`${folder}/golden.safetensors`));
  return {
    head: JSON.parse(await Deno.readTextFile(`${folder}/golden.json`)),
    tensors,
    value: (stored: Stored | undefined) =>
      stored !== null && typeof stored === "object" && "tensor" in stored
        ? tensors.get(stored.tensor)
        : stored,
  };
}

/** Marks a call for Nsight Compute, which looks at nothing else. */
async function profiled(call: () => Promise<unknown>): Promise<void> {
  const { symbols } = Deno.dlopen("libcudart.so.13", {
    cudaProfilerStart: { parameters: [], result: "i32" },
    cudaProfilerStop: { parameters: [], result: "i32" },
  });
  symbols.cudaProfilerStart();
  await call();
  symbols.cudaProfilerStop();
}

async function measure(folder: string, calls: number, options: LoadOptions): Promise<Measured> {
  const given = await golden(folder);
  const [one] = given.head.cases;
  const Class = await registry.get(given.head.className, "model", "the kit") as ModelClass;
  const before = await cardMemory();
  const begin = performance.now();
  const model = await Class.fromPretrained(folder, options);
  const loaded = performance.now();
  const { sample } = await callModel(model, one!, given);
  const first = performance.now();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    await callModel(model, one!, given);
    times.push(performance.now() - start);
  }
  if (Deno.env.has("PROFILE_CALL")) await profiled(() => callModel(model, one!, given));
  const distance = (name: string) => relativeDifference(sample!, given.tensors.get(name)!);
  times.sort((a, b) => a - b);
  const result = {
    loadMs: Math.round(loaded - begin),
    firstMs: Math.round(first - loaded),
    ms: Number(times[times.length >> 1]!.toFixed(2)),
    min: Number(times[0]!.toFixed(2)),
    cardGB: Number((await cardMemory() - before).toFixed(2)),
    hostGB: Number((Deno.memoryUsage().rss / 1e9).toFixed(2)),
    half: distance("half"),
    full: distance("full"),
  };
  await model.dispose();
  return result;
}

if (import.meta.main) {
  const [out, folder, device, dtype, calls = "20", load = "{}"] = Deno.args;
  const options = { device, torchDtype: dtype, ...JSON.parse(load) } as LoadOptions;
  await Deno.writeTextFile(out!, JSON.stringify(await measure(folder!, Number(calls), options)));
}
