/**
 * Calls Marigold's pipelines as the reference called them.
 *
 * @module
 */
import { Generator, type JsonObject } from "@denoise/core";
import { registry } from "@denoise/denoise";
import type { MarigoldOutput } from "@denoise/marigold";
import { camelCase, type Golden, relativeDifference } from "./golden.ts";
import { pixelDifference, swapScheduler } from "./pipelines.ts";
import { loadTask, type Task, type TaskCall, type TaskValue, taskValue, thinned } from "./tasks.ts";

/** One call. */
export interface MarigoldCase extends Omit<TaskCall, "images"> {
  readonly images: string;
  readonly prediction: string;
  readonly latent: string;
  readonly uncertainty?: string;
}

/** The calls of one pipeline class. */
export interface MarigoldTask extends Omit<Task, "cases"> {
  readonly settings: JsonObject;
  readonly cases: readonly MarigoldCase[];
}

/** A Marigold pipeline, whatever its class. */
export interface LoadedMarigold {
  (options: object): Promise<MarigoldOutput>;
  readonly components: object;
  scheduler: unknown;
  dispose(): Promise<void>;
}

/** The pipeline of a golden, with what its repo would say in model_index.json. */
export async function loadMarigold(task: MarigoldTask): Promise<LoadedMarigold> {
  const pipe = await loadTask(task as unknown as Task);
  const Class = await registry.get(task.pipeline, "pipeline", "a test") as unknown as {
    using(bound: typeof registry): new (parts: object, settings: JsonObject) => LoadedMarigold;
  };
  return new (Class.using(registry))(pipe.components, task.settings);
}

/** Allowed: a random UNet multiplies differences of single operations; see pipelines_test.ts. */
export const LATENTS = 1e-3;
/** Allowed: of normals near zero length, whose direction rounding turns. */
export const PREDICTION = 2e-3;

/** How far a call is from the reference. */
export interface MarigoldDifference {
  readonly latents: number;
  readonly prediction: number;
  /** Of the images that show it, of 255. */
  readonly pixels: number;
  /** NaN where one side alone tells of it. */
  readonly uncertainty: number;
}

/** Makes the call and compares. */
export async function compareMarigold(
  pipe: LoadedMarigold,
  one: MarigoldCase,
  { head, tensors }: Golden<MarigoldTask>,
): Promise<MarigoldDifference> {
  await swapScheduler(pipe as never, { ...one, call: {} } as never, registry);
  const generators = one.seeds.map((seed) => new Generator(seed));
  const given = (value: TaskValue): unknown => {
    const isPlain = typeof value === "object" && value !== null && "reduction" in value;
    return isPlain ? value : taskValue(value, tensors as never);
  };
  const call = Object.entries(one.call).map(([key, value]) => [camelCase(key), given(value)]);
  const { images, prediction, latent, uncertainty } = await pipe({
    ...Object.fromEntries(call),
    generator: one.shared ? generators[0] : generators,
    outputLatent: true,
  });
  const wanted = one.uncertainty === undefined ? undefined : tensors.get(one.uncertainty)!;
  return {
    latents: relativeDifference(latent!, tensors.get(one.latent)!),
    prediction: relativeDifference(thinned(prediction, head.every), tensors.get(one.prediction)!),
    pixels: pixelDifference({ images }, tensors.get(one.images)!, head.every),
    uncertainty: wanted === undefined || uncertainty === undefined
      ? wanted === uncertainty ? 0 : NaN
      : relativeDifference(thinned(uncertainty, head.every), wanted),
  };
}
