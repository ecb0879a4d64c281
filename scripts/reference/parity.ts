/**
 * `deno task parity [--seed N] [--cases N] [--only schedulers,models,pipelines,tasks] [--tasks NAME,...]`: random
 * configs on both sides, diffusers and denoise, compared while they run. The same seed makes the same cases.
 * `--tasks` has those of KINDS in random_tasks.py alone; Marigold's count in units of what its tests allow.
 *
 * @module
 */
import { defaultsOf, type ModelClass } from "@denoise/core";
import { parseArgs } from "node:util";
import { DiffusionPipeline, registry, type SchedulerClass } from "@denoise/denoise";
import { type BetaConfig, makeNoiseSchedule } from "@denoise/schedules";
import { replay, type ReplayDifference, type SchedulerRecord } from "@denoise/testing";
import { parseTensors } from "../../tests/support/golden.ts";
import { compareCall, type ModelGolden } from "../../tests/support/models.ts";
import {
  compareImages,
  type PipelineGolden,
  swapScheduler,
} from "../../tests/support/pipelines.ts";
import type { Golden, Stored } from "../../tests/support/golden.ts";
import {
  compareMarigold,
  LATENTS,
  loadMarigold,
  type MarigoldTask,
  PREDICTION,
} from "../../tests/support/marigold.ts";
import { compareTask, loadTask, type Task } from "../../tests/support/tasks.ts";
import { referenceLines } from "./python.ts";

/**
 * What is allowed. The tests beside the goldens give the reasons, and hold schedulers to 1e-6; random
 * configs multiply the ulp that torch's vectorised square roots are off (in rescaled betas above all).
 */
const LIMITS = { schedulers: 2e-5, models: 1e-4, pipelines: 1, tasks: 1 };
type Kind = keyof typeof LIMITS;

/** The difference of a sample of audio that counts as one of 255 in images. */
const SAMPLE = 1e-4;

/** One case that both sides have run. */
interface Outcome {
  readonly what: string;
  /** Relative difference; of 255 for images. */
  readonly difference: number;
  /** What is allowed, where it is not the limit of its kind. */
  readonly allowed?: number;
  readonly seconds?: { readonly ours: number; readonly reference: number };
  /** What tells the case from others, shown when it fails. */
  readonly config: unknown;
  readonly error?: unknown;
}

interface Written {
  readonly folder: string;
  readonly class_name: string;
  readonly config: Record<string, unknown>;
  readonly seconds: number;
  /** How far pixels move in diffusers itself when its first latents change by 1e-7. */
  readonly sensitivity?: number;
}

async function readCase<H>(folder: string) {
  const head = JSON.parse(await Deno.readTextFile(`${folder}/golden.json`)) as H;
  const tensors = parseTensors(await Deno.readFile(`${folder}/golden.safetensors`));
  const value = (stored: Stored | undefined): unknown =>
    typeof stored === "object" && stored !== null && "tensor" in stored
      ? tensors.get(stored.tensor)
      : stored;
  return { head, tensors, value };
}

async function* schedulers(seed: string, count: string): AsyncGenerator<Outcome> {
  const names = registry.names("scheduler");
  const classOf = new Map(names.map((name) => [registry.packageOf(name), name]));
  type Line = SchedulerRecord & { package: string };
  for await (
    const record of referenceLines<Line>("scheduler_goldens.py", ["--live", seed, count])
  ) {
    const what = classOf.get(`@denoise/scheduler-${record.package.replaceAll("_", "-")}`);
    if (what === undefined) continue;
    const Class = await registry.get(what, "scheduler") as SchedulerClass;
    const config = { ...record.config, ...record.set_timesteps, ...record.step };
    yield { what, config, ...attempt(Class, record) };
  }
}

/** How diffusers refuses a config; any other error is a fault of its own that need not be shared. */
const REFUSAL = /^(Value|NotImplemented|Key|Type|Attribute|Import)Error/;

/** The difference of a replayed run; what diffusers refuses has to be refused. */
function attempt(
  Class: SchedulerClass,
  record: SchedulerRecord,
): Pick<Outcome, "difference" | "allowed" | "error"> {
  try {
    const difference = replay(Class, record);
    if (record.error !== undefined) {
      return { difference: REFUSAL.test(record.error) ? Infinity : 0, error: record.error };
    }
    const allowed = Math.max(LIMITS.schedulers, ...rounding(Class, record, difference));
    return { difference: Math.max(difference.samples, difference.plan), allowed };
  } catch (error) {
    return record.error === undefined ? { difference: Infinity, error } : { difference: 0 };
  }
}

/** The float32 rounding that both sides cannot help. */
function* rounding(
  Class: SchedulerClass,
  { config, timesteps }: SchedulerRecord,
  { largest, plan }: ReplayDifference,
): Generator<number> {
  // of large numbers that a step starts from: zero terminal SNR comes down from σ 4096 to 1
  yield 4 * 2 ** -24 * largest;
  // of Brownian motion, which goes √δ far in a time of δ, when sigmas are an ulp apart; those between
  // the steps are in no plan, and may be so too (one ulp moves diffusers by 4e-4)
  if ("noise_sampler_seed" in config) yield Math.max(10 * Math.sqrt(plan), 3 * Math.sqrt(2 ** -24));
  // of thresholding, which divides by a quantile: where the first sample changes by 1e-7, diffusers moves by 1e-5
  if (config.thresholding) yield 5e-5;
  const options = { ...defaultsOf(Class.schema), ...config } as unknown as BetaConfig;
  if (!("beta_start" in options)) return;
  // of rescaled betas, which come out of differences of square roots
  if (options.rescale_betas_zero_snr) yield 1e-4;
  // of what is multiplied with σ/α of the first timestep: 20291 at the end of squaredcos_cap_v2
  const steepest = makeNoiseSchedule(options).sigmas[Math.round(Number(timesteps?.[0]))] ?? 0;
  if (Number.isFinite(steepest)) yield 2 ** -24 * steepest;
}

async function* models(seed: string, count: string): AsyncGenerator<Outcome> {
  yield* written("models", seed, count, async ({ folder, class_name }) => {
    const golden: ModelGolden = await readCase(folder);
    const Class = await registry.get(class_name, "model") as ModelClass;
    const model = await Class.fromPretrained(folder);
    const differences = [];
    for (const call of golden.head.cases) {
      differences.push(...Object.values(await compareCall(model, call, golden)));
    }
    await model.dispose();
    return Math.max(...differences);
  });
}

async function* pipelines(seed: string, count: string): AsyncGenerator<Outcome> {
  yield* written("pipelines", seed, count, async ({ folder }) => {
    const golden: PipelineGolden = await readCase(folder);
    const pipe = await DiffusionPipeline.fromPretrained(folder, { onWarning: () => {} });
    const { pixels } = await compareImages(pipe, golden.head.cases[0]!, golden);
    await pipe.dispose();
    return pixels;
  });
}

async function* tasks(
  seed: string,
  count: string,
  among: readonly string[],
): AsyncGenerator<Outcome> {
  yield* written("tasks", seed, count, async ({ folder, class_name }) => {
    if (class_name.startsWith("marigold-")) return await marigold(await readCase(folder));
    const golden = await readCase<Task>(folder);
    const [one] = golden.head.cases;
    const pipe = await loadTask(golden.head);
    await swapScheduler(pipe, one!, registry);
    const { pixels, samples } = await compareTask(pipe, one!, golden);
    await pipe.dispose();
    return Math.max(pixels, samples / SAMPLE);
  }, among);
}

/** Predictions and the images that show them, in units of what is allowed. */
async function marigold(golden: Golden<MarigoldTask>): Promise<number> {
  const pipe = await loadMarigold(golden.head);
  const found = await compareMarigold(pipe, golden.head.cases[0]!, golden);
  await pipe.dispose();
  const predicted = Math.max(found.prediction, found.uncertainty) / PREDICTION;
  return Math.max(found.pixels, found.latents / LATENTS, predicted);
}

/** Cases that live.py writes into a folder, each removed when it has been compared. */
async function* written(
  kind: Kind,
  seed: string,
  count: string,
  compare: (line: Written) => Promise<number>,
  among: readonly string[] = [],
): AsyncGenerator<Outcome> {
  const root = await Deno.makeTempDir({ prefix: "denoise-parity-" });
  try {
    for await (
      const line of referenceLines<Written>("live.py", [seed, count, root, kind, ...among])
    ) {
      const start = performance.now();
      const outcome = { what: line.class_name, config: line.config };
      try {
        const difference = await compare(line);
        const ours = (performance.now() - start) / 1000;
        const allowed = Math.max(LIMITS[kind], 4 * (line.sensitivity ?? 0));
        yield { ...outcome, difference, allowed, seconds: { ours, reference: line.seconds } };
      } catch (error) {
        yield { ...outcome, difference: Infinity, error };
      }
      await Deno.remove(line.folder, { recursive: true });
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function report(kind: Kind, outcome: Outcome): boolean {
  const { what, difference, allowed = LIMITS[kind], seconds, config, error } = outcome;
  const ok = difference <= allowed;
  const times = seconds === undefined
    ? ""
    : `  denoise ${seconds.ours.toFixed(2)} s, diffusers ${seconds.reference.toFixed(2)} s`;
  console.log(`${ok ? "ok  " : "FAIL"} ${what.padEnd(26)} ${difference.toExponential(1)}${times}`);
  if (!ok) {
    console.log(`     ${JSON.stringify(config)}${error === undefined ? "" : `\n     ${error}`}`);
  }
  return ok;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "0" },
      cases: { type: "string", default: "20" },
      only: { type: "string", default: Object.keys(LIMITS).join() },
      tasks: { type: "string", multiple: true, default: [] },
    },
  });
  const runs = { schedulers, models, pipelines, tasks };
  let [done, failed] = [0, 0];
  for (const kind of values.only.split(",") as Kind[]) {
    let worst = 0;
    for await (const outcome of runs[kind](values.seed, values.cases, values.tasks)) {
      done++;
      if (!report(kind, outcome)) failed++;
      worst = Math.max(worst, outcome.difference / (outcome.allowed ?? LIMITS[kind]));
    }
    console.log(`${kind}: at most ${(100 * worst).toFixed(0)} % of the allowed difference
`);
  }
  console.log(`${done - failed} of ${done} cases agree (seed ${values.seed})`);
  Deno.exitCode = failed === 0 ? 0 : 1;
}
