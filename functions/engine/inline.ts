import { type Registry, Tensor } from "@denoise/core";
import { freeDeviceMemory } from "@denoise/onnx/device_memory";
import { toServeError } from "../contract/errors.ts";
import { DEFAULT_LIMITS } from "../contract/limits.ts";
import type { Job, JobInput, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { EngineState, ModelOptions, ModelSpec, ServingEngine } from "./engine.ts";
import type { LoadedModel } from "./loaded_model.ts";
import { locateControlNets, locateModels } from "./locate.ts";
import { guarded } from "./nan_guard.ts";
import { ModelShelf } from "./shelf.ts";
import { unavailable } from "./unavailable.ts";
import { runJob } from "./run_job.ts";
import { withSignal } from "../async/with_signal.ts";

/** What an engine in this process is made from. */
export interface InlineServingEngineOptions extends ModelOptions {
  /** The models to load. */
  readonly models: readonly ModelSpec[];
  /** The plugins, and the sources that models come from. */
  readonly registry: Registry;
  /** Called when a model was loaded, or has made room for another one. */
  readonly onModels?: ((models: readonly ModelInfo[]) => void) | undefined;
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
  readonly #shelf: ModelShelf;
  readonly #registry: Registry;
  readonly #starting: Promise<readonly ModelInfo[]>;
  readonly #closing = new AbortController();
  #state: EngineState = { phase: "starting" };

  constructor(options: InlineServingEngineOptions) {
    this.#options = options;
    this.#registry = guarded(options.registry);
    this.#shelf = new ModelShelf(this.#registry, options, () => this.#changed());
    this.#starting = this.#start();
    this.#starting.catch(() => {});
  }

  get state(): EngineState {
    return this.#state;
  }

  get freeBytes(): number | undefined {
    return freeDeviceMemory(this.#options.device ?? "cpu");
  }

  async ready(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    return await withSignal(this.#starting, signal);
  }

  async *run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    await this.ready(signal);
    const limits = { ...this.#options.sizeLimits ?? DEFAULT_LIMITS, keyPixels: job.keyPixels };
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const { result: events, end } = await this.#shelf.use(
      job.model,
      (model) => runJob({ model, registry: this.#registry, sizeLimits: limits }, job, stop),
    );
    try {
      yield* events;
    } catch (error) {
      throw toServeError(error);
    } finally {
      end();
    }
  }

  async close(): Promise<void> {
    this.#state = { phase: "closed" };
    this.#closing.abort();
    await this.#shelf.dispose();
  }

  async #start(): Promise<readonly ModelInfo[]> {
    try {
      const began = performance.now();
      const { models, registry, variant } = this.#options;
      const located = await locateModels(models, registry, variant);
      const nets = await locateControlNets(this.#options, registry);
      const downloadMs = performance.now() - began;
      let warmupMs = 0;
      const loadMs = await this.#shelf.open(located.found, nets.found, async (model) => {
        const began = performance.now();
        if (this.#options.warmup !== false) await this.#warmUp(model);
        warmupMs += performance.now() - began;
      });
      const broken = [...located.broken, ...nets.broken, ...this.#shelf.broken];
      const timing = { downloadMs, loadMs, warmupMs };
      this.#state = { phase: "ready", models: this.#shelf.infos, broken, timing };
      return this.#state.models;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.#state = { phase: "failed", error };
      throw unavailable(error);
    }
  }

  /** A model was loaded, or has made room. */
  #changed(): void {
    if (this.#state.phase !== "ready") return;
    this.#state = { ...this.#state, models: this.#shelf.infos };
    this.#options.onModels?.(this.#state.models);
  }

  /** One step, or as few as there may be, so that sessions are made and a broken model shows before it is called ready. */
  async #warmUp(model: LoadedModel): Promise<void> {
    const { id, tasks, makes, width, height } = model.info;
    const task = tasks[0]!;
    const given = makes === "audio" || task === "text-to-image" || task === "unconditional"
      ? {}
      : await this.#blank(width, height);
    const format = makes === "audio" ? "wav" : "png";
    const sizeLimits = { ...DEFAULT_LIMITS, maxPixels: undefined, maxSide: Infinity };
    const input = {
      ...given,
      count: 1,
      steps: model.leastSteps,
      seed: "0",
      format,
      previews: 0,
    } as const;
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
