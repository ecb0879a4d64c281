import { type Registry, Tensor } from "@denoise/core";
import { ServeError, toServeError } from "../contract/errors.ts";
import { DEFAULT_LIMITS } from "../contract/limits.ts";
import type { Job, JobInput, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { EngineState, ModelOptions, ModelSpec, ServingEngine } from "./engine.ts";
import { type LoadedModel, loadModel } from "./loaded_model.ts";
import { type LocatedModel, locateModels } from "./locate.ts";
import { guarded } from "./nan_guard.ts";
import { runJob } from "./run_job.ts";
import { withSignal } from "../async/with_signal.ts";

/** What an engine in this process is made from. */
export interface InlineServingEngineOptions extends ModelOptions {
  /** The models to load. */
  readonly models: readonly ModelSpec[];
  /** The plugins, and the sources that models come from. */
  readonly registry: Registry;
}

/**
 * An engine in this process, for tests and scripts: while a model computes, nothing else happens here.
 */
export function inlineServingEngine(options: InlineServingEngineOptions): ServingEngine {
  return new InlineEngine(options);
}

class InlineEngine implements ServingEngine {
  readonly restarts = 0;
  readonly #options: InlineServingEngineOptions;
  readonly #models = new Map<string, LoadedModel>();
  readonly #registry: Registry;
  readonly #starting: Promise<readonly ModelInfo[]>;
  readonly #closing = new AbortController();
  #state: EngineState = { phase: "starting" };

  constructor(options: InlineServingEngineOptions) {
    this.#options = options;
    this.#registry = guarded(options.registry);
    this.#starting = this.#start();
    this.#starting.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
  }

  async ready(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    return await withSignal(this.#starting, signal);
  }

  async *run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    await this.ready(signal);
    const model = this.#models.get(job.model);
    if (model === undefined) {
      throw new ServeError("model_not_found", `There is no model ${JSON.stringify(job.model)}`);
    }
    const { sizeLimits = DEFAULT_LIMITS } = this.#options;
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    try {
      yield* runJob({ model, registry: this.#registry, sizeLimits }, job, stop);
    } catch (error) {
      throw toServeError(error);
    }
  }

  async close(): Promise<void> {
    this.#state = { phase: "closed" };
    this.#closing.abort();
    for (const model of this.#models.values()) await model.dispose();
  }

  async #start(): Promise<readonly ModelInfo[]> {
    try {
      const began = performance.now();
      const { models, registry, variant } = this.#options;
      const located = await locateModels(models, registry, variant);
      const downloadMs = performance.now() - began;
      const timing = await this.#load(located);
      const infos = [...this.#models.values()].map(({ info }) => info);
      this.#state = { phase: "ready", models: infos, timing: { downloadMs, ...timing } };
      return infos;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#state = { phase: "failed", error };
      throw unavailable(error);
    }
  }

  async #load(located: readonly LocatedModel[]): Promise<{ loadMs: number; warmupMs: number }> {
    const began = performance.now();
    for (const location of located) {
      this.#models.set(location.id, await loadModel(location, this.#registry, this.#options));
    }
    const loaded = performance.now();
    if (this.#options.warmup !== false) {
      for (const model of this.#models.values()) await this.#warmUp(model);
    }
    return { loadMs: loaded - began, warmupMs: performance.now() - loaded };
  }

  /** One step, so that sessions are made and a broken model shows before it is called ready. */
  async #warmUp(model: LoadedModel): Promise<void> {
    const { id, tasks, width, height } = model.info;
    const task = tasks[0]!;
    const given = task === "text-to-image" || task === "unconditional"
      ? {}
      : await this.#blank(width, height);
    const sizeLimits = { ...DEFAULT_LIMITS, maxPixels: undefined, maxSide: Infinity };
    const input = { ...given, count: 1, steps: 1, seed: "0", format: "png", previews: 0 } as const;
    const job = { id: "warm-up", owner: "", model: id, task, input, createdAt: 0, keepMs: 0 };
    const context = { model, registry: this.#registry, sizeLimits };
    const run = runJob(context, job, this.#closing.signal);
    while (!(await run.next()).done);
  }

  async #blank(
    width: number,
    height: number,
  ): Promise<Pick<JobInput, "image" | "mask" | "strength">> {
    const codec = await this.#registry.images();
    const [white] = codec.fromTensor(Tensor.ones([1, 3, height, width]));
    const image = await white!.encode("png");
    return { image, mask: image, strength: 1 };
  }
}

/** What callers are told when a model could not be loaded. */
export function unavailable(cause: Error): ServeError {
  return new ServeError(
    "model_unavailable",
    "The model could not be loaded; the server's log says why",
    { cause },
  );
}
