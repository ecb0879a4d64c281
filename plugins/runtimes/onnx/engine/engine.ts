import type { Device, Tensor } from "@denoise/core";
import { cgroupThreads } from "../cgroup.ts";

/** Tensors by the names that a graph gives its inputs or outputs. */
export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * How much onnxruntime rewrites a graph before it runs. `"extended"` starts at once and leaves the
 * weights in their file. `"all"` also reorders the weights of convolutions, which takes seconds and
 * memory for a copy of them, and may make a call faster: for sessions that live long.
 */
export type Optimization = "none" | "basic" | "extended" | "all";

/**
 * Options of the provider that computes, by onnxruntime's names, such as `use_tf32` or
 * `cudnn_conv_algo_search` of CUDA:
 * https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
 */
export type DeviceOptions = Readonly<Record<string, string | number | boolean>>;

/** What a session is made from: plain data, so that it can be sent to another thread or process. */
export interface SessionSpec {
  /** What it computes, for messages: `"UNet2DModel.forward"`. */
  readonly name: string;
  /** The graph, as the bytes of an .onnx file. */
  readonly model: Uint8Array<ArrayBuffer>;
  /** The folder that the graph's weight files are named relative to. */
  readonly folder?: string | undefined;
  /** Where it computes. Defaults to `"cpu"`. */
  readonly device?: Device | undefined;
  /** Whether the graph is written for a card that wants the channels of images last. */
  readonly channelsLast?: boolean | undefined;
  /** Options of the device's provider; only the native engine takes any. */
  readonly deviceOptions?: DeviceOptions | undefined;
  /** Threads of one operator. Defaults to all cores, or as many as the quota of a container is. */
  readonly threads?: number | undefined;
  /**
   * Repacks the weights of products when the session starts, in memory of its own, as products
   * that are worth it are fastest. Defaults to false: they stay in their file.
   */
  readonly prepacking?: boolean | undefined;
  /** Where the rewritten graph and its weights are written. */
  readonly saveTo?: {
    /** A folder, which is there. */
    readonly folder: string;
    /** Whether weights are written as products want them too, to be mapped like that. */
    readonly packed: boolean;
  } | undefined;
  /** What the name of the file begins with that onnxruntime's profile is written to at the end. */
  readonly profile?: string | undefined;
  /** `"extended"` by default. */
  readonly optimization?: Optimization | undefined;
}

/** What sessions are made with when their spec leaves it open. */
export type SessionDefaults = Pick<SessionSpec, "threads" | "optimization" | "deviceOptions">;

/** How one run goes. */
export interface SessionRunOptions {
  /** Names of the outputs wanted. Defaults to all. */
  readonly outputs?: readonly string[] | undefined;
  /**
   * Leaves outputs on the device until their elements are asked for, where the engine can: another
   * session there takes them as they lie. Their memory is given back when they are disposed of, read
   * or collected. Defaults to false.
   */
  readonly onDevice?: boolean | undefined;
  /**
   * Inputs that are the same from run to run: the same object as long as they are, so that an engine
   * elsewhere gets them once.
   */
  readonly constants?: Tensors | undefined;
  /** Cancels before the run starts; the native engine ends one under way, too. */
  readonly signal?: AbortSignal | undefined;
}

/** A graph that can be run. */
export interface EngineSession {
  /** Runs it once. */
  run(inputs: Tensors, options?: SessionRunOptions): Promise<Tensors>;
  /** Gives its memory back. */
  release(): Promise<void>;
}

/** A home of sessions: this thread, a Worker or a child process. */
export interface Engine {
  /** Makes a session. */
  createSession(spec: SessionSpec): Promise<EngineSession>;
  /** Ends the home and every session in it. */
  close(): Promise<void>;
}

/** A spec with what it leaves open filled in. */
export function withDefaults(spec: SessionSpec, defaults: SessionDefaults): SessionSpec {
  const {
    threads = defaults.threads ?? cgroupThreads(),
    optimization = defaults.optimization,
    deviceOptions = defaults.deviceOptions,
  } = spec;
  return { ...spec, threads, optimization, deviceOptions };
}
