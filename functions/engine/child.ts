import type { Registry } from "@denoise/core";
import { fromFailure, ServeError } from "../contract/errors.ts";
import type { Job, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { Channel } from "../async/channel.ts";
import type { Child } from "@denoise/process";
import { startEngine } from "./child_process.ts";
import type { EngineState, ModelOptions, ModelSpec, ServingEngine } from "./engine.ts";
import { unavailable } from "./unavailable.ts";
import { linkTargets } from "./link_targets.ts";
import { locateControlNets, type Located, type LocatedModel, locateModels } from "./locate.ts";
import type { FromChild, ToChild } from "./protocol.ts";
import { Watchdog } from "./watchdog.ts";
import { withSignal } from "../async/with_signal.ts";

/** What an engine in a child process is made from. */
export interface ChildServingEngineOptions extends ModelOptions {
  /** The models to load. */
  readonly models: readonly ModelSpec[];
  /** Where the models' files come from; this process fetches them. */
  readonly registry: Registry;
  /** The child's program, a module that calls `runChild`. Defaults to the built-in plugins'. */
  readonly entry?: URL | undefined;
  /** Modules of plugins, which the built-in program puts in front of its own. */
  readonly plugins?: readonly string[] | undefined;
  /** More flags for the child's `deno run`. */
  readonly flags?: readonly string[] | undefined;
  /** Milliseconds in which a run has to end after it was cancelled. Defaults to 120,000. */
  readonly stuckMs?: number | undefined;
  /**
   * Least milliseconds of silence after which the child is taken for hung; ten times its slowest step
   * where that is more. Defaults to 60,000.
   */
  readonly silentMs?: number | undefined;
  /** Milliseconds in which the child has to load its models, once their files are here. Defaults to 1,800,000. */
  readonly loadMs?: number | undefined;
  /** Bytes of memory that the child can have; any by default. Needs `prlimit`, of Linux. */
  readonly maxMemory?: number | undefined;
  /** Called at each end of the child that nobody asked for. */
  readonly onLost?: ((reason: string) => void) | undefined;
}

/** An engine whose process can be named, to watch it or to end it. */
export interface ChildServingEngine extends ServingEngine {
  /** Process id of the child that is there now. */
  readonly pid: number | undefined;
}

/** Longest pause before a child that keeps failing to load is started again. */
const MAX_PAUSE_MS = 30_000;

/**
 * An engine in a child process. When the process dies, by a crash of native code too, the runs in it
 * fail with `engine_lost` at once, and it is started again.
 */
export function childServingEngine(options: ChildServingEngineOptions): ChildServingEngine {
  return new ChildEngine(options);
}

class ChildEngine implements ChildServingEngine {
  readonly #options: ChildServingEngineOptions;
  readonly #runs = new Map<number, Channel<RunEvent>>();
  readonly #stopping = new Map<number, ReturnType<typeof setTimeout>>();
  #located: Located | undefined;
  #nets: Located | undefined;
  #child: Child | undefined;
  #state: EngineState = { phase: "starting" };
  #ready = Promise.withResolvers<readonly ModelInfo[]>();
  #downloadMs = 0;
  #lastId = 0;
  #restarts = 0;
  #failures = 0;
  #wasReady = false;
  #watchdog: Watchdog | undefined;
  #hung: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loading: ReturnType<typeof setTimeout> | undefined;
  #freeBytes: number | undefined;

  constructor(options: ChildServingEngineOptions) {
    this.#options = options;
    this.#start();
  }

  get state(): EngineState {
    return this.#state;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get freeBytes(): number | undefined {
    return this.#freeBytes;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async ready(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    return await withSignal(this.#ready.promise, signal);
  }

  async *run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    await this.ready(signal);
    signal.throwIfAborted();
    const id = ++this.#lastId;
    const events = new Channel<RunEvent>();
    this.#runs.set(id, events);
    const child = this.#child!;
    child.send({ op: "run", id, job } satisfies ToChild);
    const cancel = (): void => {
      this.#cancel(id, child);
      events.end(new ServeError("canceled", "The run was cancelled"));
    };
    signal.addEventListener("abort", cancel);
    try {
      yield* events;
    } finally {
      signal.removeEventListener("abort", cancel);
      if (this.#runs.delete(id)) this.#cancel(id, child);
    }
  }

  /** A run that does not end when it is cancelled hangs in native code: its process is ended. */
  #cancel(id: number, child: Child): void {
    if (this.#stopping.has(id)) return;
    child.send({ op: "cancel", id } satisfies ToChild);
    const { stuckMs = 120_000 } = this.#options;
    this.#stopping.set(id, setTimeout(() => child.kill(), stuckMs));
  }

  #ended(id: number): void {
    clearTimeout(this.#stopping.get(id));
    this.#stopping.delete(id);
    this.#runs.delete(id);
  }

  async close(): Promise<void> {
    this.#settle({ phase: "closed" });
    this.#watchdog?.close();
    clearTimeout(this.#timer);
    this.#ready.reject(new ServeError("shutting_down", "The server is shutting down"));
    this.#child?.kill();
    await this.#child?.ended;
  }

  async #start(): Promise<void> {
    this.#ready.promise.catch(() => {});
    try {
      const began = performance.now();
      const { models, registry, variant } = this.#options;
      this.#located ??= await locateModels(models, registry, variant);
      this.#nets ??= await locateControlNets(this.#options, registry);
      this.#downloadMs = performance.now() - began;
      const [here, nets] = [this.#located.found, this.#nets.found];
      const { loraFolder } = this.#options;
      const folders = [
        ...[...here, ...nets].map(({ path }) => path),
        ...loraFolder === undefined ? [] : [loraFolder],
      ];
      const read = [...folders, ...await linkTargets(folders)];
      if (this.#state.phase !== "closed") this.#spawn(here, nets, read);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #spawn(
    models: readonly LocatedModel[],
    nets: readonly LocatedModel[],
    read: readonly string[],
  ): void {
    const { entry, flags, maxMemory, plugins, ...rest } = this.#options;
    const { device, torchDtype, quantization, variant, threads, sizeLimits, warmup } = rest;
    const { gpuMemoryLimit, loraFolder, maxLoaded, maxModelBytes, pinned } = rest;
    const child = startEngine(
      { read, entry, flags, maxMemory, plugins },
      (message) => this.#onMessage(message),
    );
    this.#child = child;
    child.ended.then((reason) => this.#onEnd(reason));
    const options = {
      device,
      torchDtype,
      quantization,
      variant,
      threads,
      gpuMemoryLimit,
      sizeLimits,
      warmup,
      loraFolder,
      controlNets: nets.map(({ id, path }) => ({ id, location: path })),
      maxLoaded,
      maxModelBytes,
      pinned,
    };
    child.send({ op: "load", models, options } satisfies ToChild);
    const { loadMs = 1_800_000 } = this.#options;
    this.#loading = setTimeout(() => {
      this.#hung = `it had not loaded its models after ${loadMs / 1000} seconds`;
      child.kill();
    }, loadMs);
  }

  #onMessage(message: FromChild): void {
    this.#watchdog?.heard();
    if ("freeBytes" in message) this.#freeBytes = message.freeBytes;
    switch (message.op) {
      case "pong":
        return;
      case "ready": {
        clearTimeout(this.#loading);
        this.#failures = 0;
        this.#wasReady = true;
        const timing = { ...message.timing, downloadMs: this.#downloadMs };
        const broken = [
          ...this.#located?.broken ?? [],
          ...this.#nets?.broken ?? [],
          ...message.broken,
        ];
        this.#settle({ phase: "ready", models: message.models, broken, timing });
        this.#watch(timing.loadMs + timing.warmupMs);
        return this.#ready.resolve(message.models);
      }
      case "models":
        if (this.#state.phase !== "ready") return;
        return this.#settle({ ...this.#state, models: message.models });
      case "unable":
        return this.#fail(new Error(message.message));
      case "event":
        return this.#runs.get(message.id)?.push(message.event);
      case "end": {
        const { id, failure } = message;
        const events = this.#runs.get(id);
        this.#ended(id);
        return events?.end(failure && fromFailure(failure));
      }
    }
  }

  /**
   * A model that cannot be loaded will not load by itself a moment later; one that was loaded before,
   * or could not be fetched, may.
   */
  #fail(error: Error): void {
    this.#settle({ phase: "failed", error });
    this.#ready.reject(unavailable(error));
    this.#child?.kill();
    if (!this.#wasReady && this.#located !== undefined) return;
    if (this.#state.phase === "closed") return;
    this.#timer = setTimeout(() => {
      this.#ready = Promise.withResolvers();
      this.#settle({ phase: "starting" });
      this.#start();
    }, MAX_PAUSE_MS);
  }

  /** An engine that is silent for too long is ended, which gives its runs to the next one. */
  #watch(startMs: number): void {
    const child = this.#child!;
    this.#watchdog = new Watchdog({
      silentMs: this.#options.silentMs ?? 60_000,
      ask: () => child.send({ op: "ping" } satisfies ToChild),
      onHung: (ms) => {
        this.#hung = `it said nothing for ${Math.round(ms / 1000)} seconds`;
        child.kill();
      },
    });
    this.#watchdog.took(startMs);
  }

  #onEnd(ending: string): void {
    clearTimeout(this.#loading);
    const reason = this.#hung ?? ending;
    this.#hung = undefined;
    this.#watchdog?.close();
    this.#watchdog = undefined;
    this.#child = undefined;
    this.#freeBytes = undefined;
    const lost = new ServeError("engine_lost", "The engine stopped in the middle of the run");
    for (const events of this.#runs.values()) events.end(lost);
    for (const id of [...this.#runs.keys(), ...this.#stopping.keys()]) this.#ended(id);
    if (this.#state.phase === "closed" || this.#state.phase === "failed") return;
    this.#options.onLost?.(reason);
    if (this.#state.phase === "ready") this.#ready = Promise.withResolvers();
    this.#settle({ phase: "starting" });
    this.#restarts++;
    const pause = Math.min(MAX_PAUSE_MS, this.#failures++ === 0 ? 0 : 500 * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#start(), pause);
  }

  #settle(state: EngineState): void {
    if (this.#state.phase !== "closed") this.#state = state;
  }
}
