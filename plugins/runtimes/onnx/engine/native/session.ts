import type { Tensor } from "@denoise/core";
import { parseDevice } from "../../devices.ts";
import { checkThreads, explained } from "../../session.ts";
import { trimMemory } from "../../trim_memory.ts";
import type {
  DeviceOptions,
  EngineSession,
  SessionRunOptions,
  SessionSpec,
  Tensors,
} from "../engine.ts";
import { cString, type Handle, type Ort, OrtError } from "./api.ts";
import { cardLock, CudaDevice } from "./cuda.ts";
import { explainCuda } from "./cuda_errors.ts";
import { CudaMemory } from "./cuda_memory.ts";
import { HostMemory } from "./host_memory.ts";
import { Owned } from "./owned.ts";
import { FATAL, type ProviderPlugin, sessionOptions } from "./settings.ts";
import { type PortInfo, portsOf } from "./values.ts";

/** What sessions of a process share. */
export interface Runtime {
  /** The path of onnxruntime's library. */
  readonly library: string;
  readonly ort: Ort;
  readonly env: Handle;
  /** Memory of the CPU as onnxruntime allocates it. */
  readonly allocator: Handle;
  readonly cpu: Handle;
}

/** A session, and what its runs need of it. */
export interface Session extends Runtime {
  readonly session: Handle;
  readonly inputs: ReadonlyMap<string, PortInfo>;
  readonly outputs: ReadonlyMap<string, PortInfo>;
}

/** One run. */
export interface Call {
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Names of the outputs wanted. */
  readonly outputs: readonly string[];
  /** Whether outputs may stay on the device until their elements are asked for. */
  readonly onDevice: boolean;
  /** Does the computing, off this thread. */
  readonly execute: Execute;
}

/** How inputs reach a device and outputs come back. */
export interface Memory {
  /** Runs the session once. */
  run(call: Call): Promise<Tensors>;
  /** Gives back what it holds. */
  release(): void;
}

/** How a session runs. */
export interface ExecuteOptions {
  /** Run settings by onnxruntime's names. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A run that must not end in its middle; an AbortSignal counts before and after it. */
  readonly whole?: boolean;
}

/** Runs a session on a thread other than this. */
export type RunSession = (session: Handle, options: Handle, binding: Handle) => Promise<void>;

/** Runs a session with what is bound. */
export type Execute = (binding: Handle, options?: ExecuteOptions) => Promise<void>;

/** Models whose bytes are being read by a thread of their own, which the collector must leave. */
const reading = new Set<Uint8Array>();

/**
 * Makes a session, on a thread of its own.
 *
 * @param plugin The provider that computes instead of the device's.
 */
export async function createNativeSession(
  runtime: Runtime,
  spec: SessionSpec,
  plugin?: ProviderPlugin,
): Promise<EngineSession> {
  checkThreads(spec.threads);
  const { provider, index } = parseDevice(spec.device ?? "cpu");
  const [option] = Object.keys(spec.deviceOptions ?? {});
  if (provider === "cpu" && plugin === undefined && option !== undefined) {
    throw new RangeError(
      `Cannot start ${spec.name}: the CPU takes no device options, as ${option}`,
    );
  }
  try {
    if (provider === "cuda" && Deno.build.os === "linux" && plugin === undefined) {
      return await createCudaSession(runtime, spec, index);
    }
    const session = await load(runtime, spec, plugin);
    const run = runtime.ort.call.RunWithBinding;
    return new NativeSession(spec, session, new HostMemory(session), run);
  } catch (cause) {
    throw meant(spec, explained(spec.name, cause));
  }
}

/** An error with what it means on the device that it happened on. */
function meant({ device = "cpu" }: SessionSpec, error: Error): Error {
  const { provider } = parseDevice(device);
  return provider === "cuda" || provider === "tensorrt" ? explainCuda(error) : error;
}

/** The option of the CUDA provider that a session which captures graphs is made with. */
const CAPTURES = "enable_cuda_graph";

/** Sums of layer normalizations are float32. */
const EXACT = { enable_skip_layer_norm_strict_mode: true };

/** Convolutions of channels last, which add their bias themselves. */
const CHANNELS_LAST = { prefer_nhwc: true, fuse_conv_bias: true };

async function createCudaSession(
  runtime: Runtime,
  spec: SessionSpec,
  index: number,
): Promise<EngineSession> {
  const { [CAPTURES]: wanted = true, ...given } = spec.deviceOptions ?? {};
  const make = (captures: boolean, layout: DeviceOptions) =>
    cardLock(index).together(async () => {
      const options = { ...EXACT, ...layout, ...given, [CAPTURES]: captures };
      const session = await load(runtime, { ...spec, deviceOptions: options });
      using unused = new Owned(runtime.ort);
      unused.adopt("Session", session.session);
      const device = CudaDevice.of(runtime, index); // its library is loaded by now
      const memory = new CudaMemory(session, device, captures);
      unused.keepAll();
      const run: RunSession = (...args) => device.thread.call("RunWithBinding", ...args);
      return new NativeSession(spec, session, memory, run);
    });
  const layouts = spec.channelsLast ? [CHANNELS_LAST, {}] : [{}];
  if (!/^(1|true)$/i.test(`${wanted}`)) return await make(false, layouts[0]!);
  for (const layout of layouts) {
    try {
      return await make(true, layout);
    } catch (error) {
      // a graph with work on the CPU cannot be captured, or with sizes that channels last bring to the
      // card and back
      if (!(error instanceof OrtError && error.message.includes("graph capture"))) throw error;
    }
  }
  return await make(false, {});
}

async function load(
  runtime: Runtime,
  spec: SessionSpec,
  plugin?: ProviderPlugin,
): Promise<Session> {
  const { ort, env, allocator } = runtime;
  using owned = new Owned(ort);
  const options = sessionOptions(ort, env, spec, plugin, owned);
  const session = await read(ort, env, spec.model, options);
  using unused = new Owned(ort);
  unused.adopt("Session", session);
  const { inputs, outputs } = portsOf(ort, session, allocator);
  unused.keepAll();
  const byName = (ports: readonly PortInfo[]) => new Map(ports.map((port) => [port.name, port]));
  return { ...runtime, session, inputs: byName(inputs), outputs: byName(outputs) };
}

async function read(
  { call }: Ort,
  env: Handle,
  model: Uint8Array,
  options: Handle,
): Promise<Handle> {
  const place = new BigUint64Array(1);
  const pins = [model, new Uint8Array(place.buffer)];
  for (const pin of pins) reading.add(pin);
  try {
    const [bytes, out] = pins.map((pin) => Deno.UnsafePointer.of(pin));
    await call.CreateSessionFromArray(env, bytes!, BigInt(model.length), options, out!);
  } finally {
    for (const pin of pins) reading.delete(pin);
  }
  return Deno.UnsafePointer.create(place[0]!)!;
}

/** Releases sessions that were collected without `release()`. */
const collected = new FinalizationRegistry((release: () => void) => release());

class NativeSession implements EngineSession {
  readonly #spec: SessionSpec;
  readonly #session: Session;
  readonly #runSession: RunSession;
  readonly #running = new Set<Promise<unknown>>();
  readonly #release: () => void;
  #memory: Memory | undefined;

  constructor(spec: SessionSpec, session: Session, memory: Memory, run: RunSession) {
    this.#spec = spec;
    this.#runSession = run;
    this.#session = session;
    this.#memory = memory;
    const release = () => {
      memory.release();
      session.ort.release("Session", session.session);
    };
    this.#release = release;
    collected.register(this, release, this);
  }

  async run(inputs: Tensors, options: SessionRunOptions = {}): Promise<Tensors> {
    const { signal } = options;
    const memory = this.#memory;
    if (memory === undefined) throw new TypeError(`Cannot run ${this.#spec.name}: it was released`);
    signal?.throwIfAborted();
    const run = this.#run(memory, { ...inputs, ...options.constants }, options);
    this.#running.add(run);
    try {
      return await run;
    } catch (cause) {
      signal?.throwIfAborted();
      const why = `Cannot run ${this.#spec.name}: ${
        cause instanceof Error ? cause.message : cause
      }`;
      throw cause instanceof TypeError
        ? new TypeError(why, { cause })
        : meant(this.#spec, new Error(why, { cause }));
    } finally {
      this.#running.delete(run);
    }
  }

  async #run(
    memory: Memory,
    given: Tensors,
    { outputs = [...this.#session.outputs.keys()], onDevice = false, signal }: SessionRunOptions,
  ): Promise<Tensors> {
    this.#check(given, outputs);
    const inputs = new Map(Object.entries(given));
    const execute: Execute = (binding, options) => this.#execute(binding, options, signal);
    return await memory.run({ inputs, outputs, onDevice, execute });
  }

  async #execute(
    binding: Handle,
    { settings = {}, whole = false }: ExecuteOptions = {},
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { ort, session } = this.#session;
    using owned = new Owned(ort);
    const options = owned.keep("RunOptions", (place) => ort.call.CreateRunOptions(place));
    ort.call.RunOptionsSetRunLogSeverityLevel(options, FATAL);
    for (const [name, value] of Object.entries(settings)) {
      ort.call.AddRunConfigEntry(options, cString(name), cString(value));
    }
    const stop = () => ort.call.RunOptionsSetTerminate(options);
    signal?.throwIfAborted();
    if (!whole) signal?.addEventListener("abort", stop);
    try {
      await this.#runSession(session, options, binding);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #check(inputs: Tensors, outputs: readonly string[]): void {
    const { inputs: known, outputs: made } = this.#session;
    for (const name of Object.keys(inputs)) {
      if (known.has(name)) continue;
      throw new TypeError(`it has no input "${name}"; it has ${[...known.keys()].join(", ")}`);
    }
    for (const name of known.keys()) {
      if (!Object.hasOwn(inputs, name)) throw new TypeError(`the input "${name}" is missing`);
    }
    if (outputs.length === 0) throw new TypeError("no output is asked for");
    for (const name of outputs) {
      if (made.has(name)) continue;
      throw new TypeError(`it has no output "${name}"; it has ${[...made.keys()].join(", ")}`);
    }
  }

  /** Waits for runs that have begun, as native code must not lose a session under them. */
  async release(): Promise<void> {
    const memory = this.#memory;
    this.#memory = undefined;
    await Promise.allSettled(this.#running);
    if (memory === undefined) return;
    collected.unregister(this);
    this.#release();
    trimMemory();
  }
}
