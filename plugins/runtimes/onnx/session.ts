/**
 * Sessions of onnxruntime: the only file that imports it, and only when a session is made.
 *
 * @module
 */
import { DenoiseError, Tensor, type TypedArray } from "@denoise/core";
import type { InferenceSession, OnnxValue, Tensor as OrtTensor } from "onnxruntime-node";
import { executionProviders } from "./devices.ts";
import { MODEL, WEIGHTS } from "./optimized.ts";
import { trimMemory } from "./trim_memory.ts";
import type { EngineSession, SessionRunOptions, SessionSpec, Tensors } from "./engine/engine.ts";

type Ort = typeof import("onnxruntime-node");

async function onnxruntime(): Promise<Ort> {
  const module = await import("onnxruntime-node");
  const ort = (module as { default?: Ort }).default ?? module;
  ort.env.logLevel = "fatal"; // what goes wrong is thrown too
  return ort;
}

/** Settings of a session beside its options, by onnxruntime's names. */
export function sessionEntries(
  { folder, prepacking, saveTo }: SessionSpec,
): Readonly<Record<string, string>> {
  return {
    "session.intra_op.allow_spinning": "0", // waiting threads leave the cores to other processes
    "session.disable_prepacking": prepacking ? "0" : "1", // packing copies weights out of the mapped file
    ...(folder === undefined
      ? {}
      : { "session.model_external_initializers_file_folder_path": folder }),
    ...(saveTo === undefined ? {} : {
      "session.optimized_model_external_initializers_file_name": WEIGHTS,
      "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
      "session.save_external_prepacked_constant_initializers": saveTo.packed ? "1" : "0",
    }),
  };
}

/**
 * Whether onnxruntime lays out the memory of a run beforehand, by the sizes of one before. On a CPU that is a
 * block beside all that the first run was given: 70 MB for a UNet of Stable Diffusion at 256x256, as fast without.
 */
export function plansMemory({ device = "cpu" }: SessionSpec): boolean {
  return device !== "cpu";
}

/** Makes sure that the number of threads is one. */
export function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1)) return;
  throw new RangeError(`threads must be an integer from 1, but is ${threads}`);
}

/**
 * Makes a session in this thread. Its weights stay in their files, which are mapped into memory.
 *
 * @throws {DenoiseError} `invalid_config` when the graph does not fit its weights.
 */
export async function createSession(spec: SessionSpec): Promise<EngineSession> {
  const { model, device = "cpu", threads, optimization = "extended", deviceOptions = {} } = spec;
  checkThreads(threads);
  const [option] = Object.keys(deviceOptions);
  if (option !== undefined) {
    throw new RangeError(
      `Cannot start ${spec.name}: onnxruntime-node takes no device options such as ${option}; ` +
        `choose the engine "native"`,
    );
  }
  const ort = await onnxruntime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: executionProviders(device),
    graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
    enableMemPattern: plansMemory(spec),
    ...(spec.saveTo === undefined
      ? {}
      : { optimizedModelFilePath: `${spec.saveTo.folder}/${MODEL}` }),
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(spec.profile === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: spec.profile }),
    logSeverityLevel: 4,
    extra: sessionEntries(spec),
  };
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, options);
  } catch (cause) {
    throw explained(spec.name, cause);
  }
  return new OnnxSession(ort, session, spec.name);
}

class OnnxSession implements EngineSession {
  readonly #ort: Ort;
  readonly #name: string;
  readonly #running = new Set<Promise<unknown>>();
  #session: InferenceSession | undefined;

  constructor(ort: Ort, session: InferenceSession, name: string) {
    this.#ort = ort;
    this.#session = session;
    this.#name = name;
  }

  async run(
    inputs: Tensors,
    { outputs, constants, signal }: SessionRunOptions = {},
  ): Promise<Tensors> {
    const session = this.#session;
    if (session === undefined) throw new TypeError(`Cannot run ${this.#name}: it was released`);
    signal?.throwIfAborted();
    const feeds = Object.fromEntries(
      Object.entries({ ...inputs, ...constants }).map((
        [name, tensor],
      ) => [name, this.#toOrt(name, tensor)]),
    );
    const run = session.run(feeds, outputs ?? session.outputNames);
    this.#running.add(run);
    try {
      const results = Object.entries(await run);
      return Object.fromEntries(results.map(([name, value]) => [name, fromOrt(value)]));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : cause;
      throw new Error(`Cannot run ${this.#name}: ${why}`, { cause });
    } finally {
      this.#running.delete(run);
    }
  }

  /** Waits for runs that have begun, as native code must not lose a session under them. */
  async release(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await Promise.allSettled(this.#running);
    if (session === undefined) return;
    await session.release();
    trimMemory();
  }

  #toOrt(name: string, { dtype, data, dims }: Tensor): OrtTensor {
    if (dtype === "float16") {
      throw new TypeError(`Cannot run ${this.#name}: "${name}" is float16; give it as float32`);
    }
    return new this.#ort.Tensor(dtype, data as Float32Array, dims);
  }
}

function fromOrt(value: OnnxValue): Tensor {
  const { type, data, dims } = value as OrtTensor;
  return new Tensor(type as Tensor["dtype"], data as TypedArray, dims);
}

/** What onnxruntime says of a graph, which names the node and so the module it belongs to. */
export function explained(name: string, cause: unknown): Error {
  const message = `Cannot start ${name}: ${cause instanceof Error ? cause.message : cause}`;
  if (!/ShapeInference|TypeInference|Type Error|Incompatible dimensions/.test(message)) {
    return new Error(message, { cause });
  }
  return new DenoiseError(
    "invalid_config",
    `${message} Does config.json belong to these weights?`,
    { cause },
  );
}
