import type { Device } from "@denoise/core";
import { withSignal } from "../async/with_signal.ts";
import { ServeError } from "../contract/errors.ts";
import type { Job, RunEvent } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { BrokenModel, DeviceState, EngineState, ServingEngine } from "./engine.ts";

/** An engine of one device. */
export interface DeviceEngine {
  /** The device. */
  readonly device: Device;
  /** What runs jobs there. */
  readonly engine: ServingEngine;
}

/** How several engines are taken for one. */
export interface SeveralEnginesOptions {
  /** Public names of the models, in the order in which they are listed. */
  readonly order: readonly string[];
  /** Bytes of weights that each device may hold; as many as are free where it is undefined. */
  readonly bytesOfDevice?: number | undefined;
}

/**
 * Engines of several devices as one: a run goes to a device that has room for its model, of those to one that has the
 * fewest runs, of those to one that holds the model, and else to where most memory is free. What is free is what the
 * cards tell, and no more than each may hold. When a device is lost the others go on, and take its runs.
 */
export function severalEngines(
  parts: readonly DeviceEngine[],
  options: SeveralEnginesOptions,
): ServingEngine {
  return new SeveralEngines(parts, options);
}

/** A device, and the runs on it. */
interface Part extends DeviceEngine {
  runs: number;
}

class SeveralEngines implements ServingEngine {
  readonly #parts: readonly Part[];
  readonly #options: SeveralEnginesOptions;

  constructor(parts: readonly DeviceEngine[], options: SeveralEnginesOptions) {
    this.#parts = parts.map((part) => ({ ...part, runs: 0 }));
    this.#options = options;
  }

  get state(): EngineState {
    const states = this.#parts.map(({ engine }) => engine.state);
    const ready = states.filter((state) => state.phase === "ready");
    const [first] = ready;
    if (first === undefined) {
      return states.find(({ phase }) => phase === "starting") ?? states[0]!;
    }
    const models = this.#modelsOf(ready.map(({ models }) => models));
    const broken = ready.flatMap(({ broken = [] }) => broken)
      .filter(({ id }: BrokenModel, i, all) =>
        models.every((model) => model.id !== id) && all.findIndex((one) => one.id === id) === i
      );
    return { phase: "ready", models, broken, timing: first.timing };
  }

  get restarts(): number {
    return this.#parts.reduce((sum, { engine }) => sum + engine.restarts, 0);
  }

  get devices(): readonly DeviceState[] {
    return this.#parts.map(({ device, engine, runs }, index) => ({
      device: `${index}:${device}`,
      phase: engine.state.phase,
      runs,
      heldBytes: heldBytes(modelsOf(engine)),
      freeBytes: engine.freeBytes,
    }));
  }

  async ready(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    const first = Promise.any(this.#parts.map(({ engine }) => engine.ready()));
    try {
      await withSignal(first, signal);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
    const { state } = this;
    return state.phase === "ready" ? state.models : [];
  }

  async *run(job: Job, signal: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    await this.ready(signal);
    const part = this.#place(job.model);
    part.runs++;
    try {
      yield* part.engine.run(job, signal);
    } finally {
      part.runs--;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ engine }) => engine.close()));
  }

  /** Each model once, loaded where it is on one of the devices. */
  #modelsOf(lists: readonly (readonly ModelInfo[])[]): ModelInfo[] {
    const all = lists.flat();
    return this.#options.order.flatMap((name) => {
      const same = all.filter(({ id }) => id === name);
      const found = same.find(({ state }) => state !== "unloaded") ?? same[0];
      return found === undefined ? [] : [found];
    });
  }

  #place(model: string): Part {
    const able = this.#parts.filter(({ engine }) =>
      modelsOf(engine).some(({ id }) => id === model)
    );
    if (able.length === 0) {
      throw new ServeError("model_not_found", `There is no model ${JSON.stringify(model)}`);
    }
    const placed = able.map((part) => {
      const held = heldBytes(modelsOf(part.engine));
      const { state, bytes = 0 } = modelsOf(part.engine).find(({ id }) => id === model)!;
      const isLoaded = state !== "unloaded";
      const free = this.#freeBytes(part.engine, held);
      // models that do not run make room
      const hasRoom = isLoaded || bytes <= free + (part.runs === 0 ? held : 0);
      return { part, isLoaded, hasRoom, free, held };
    });
    const [best] = placed.toSorted((a, b) =>
      Number(b.hasRoom) - Number(a.hasRoom) || a.part.runs - b.part.runs ||
      Number(b.isLoaded) - Number(a.isLoaded) || descending(a.free, b.free) || a.held - b.held
    );
    return best!.part;
  }

  /** Bytes that a device has for more weights: what the card tells, and what it may hold. */
  #freeBytes({ freeBytes = Infinity }: ServingEngine, held: number): number {
    const { bytesOfDevice = Infinity } = this.#options;
    return Math.min(freeBytes, bytesOfDevice - held);
  }
}

/** Orders by the greater number first; both may be infinite. */
function descending(a: number, b: number): number {
  return a === b ? 0 : b > a ? 1 : -1;
}

function modelsOf({ state }: ServingEngine): readonly ModelInfo[] {
  return state.phase === "ready" ? state.models : [];
}

/** Bytes of the weights that are in the memory of a device. */
function heldBytes(models: readonly ModelInfo[]): number {
  return models.filter(({ state }) => state !== "unloaded")
    .reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}
