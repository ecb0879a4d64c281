/**
 * What travels between an {@linkcode Engine} and a home in another thread or process: plain objects
 * with ArrayBuffers in them. (Deno's postMessage of node:worker_threads walks through the elements of
 * typed arrays, 80 ms for 3 MB; buffers it moves in 0.4 ms.)
 *
 * @module
 */
import { DenoiseError, type DType, type ErrorCode, Tensor, type TypedArray } from "@denoise/core";
import type { Engine, EngineSession, SessionSpec, Tensors } from "./engine.ts";

/** A tensor as plain data. */
export interface TensorMessage {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: ArrayBuffer;
}

/** A session's spec as plain data. */
export type SpecMessage = Omit<SessionSpec, "model"> & { readonly model: ArrayBuffer };

/** Tensors as plain data, by name. */
export type TensorMessages = Readonly<Record<string, TensorMessage>>;

/** What is asked of a home; sessions are named by numbers that the asker chooses. */
export type Request =
  | { readonly id: number; readonly op: "create"; session: number; spec: SpecMessage }
  | {
    readonly id: number;
    readonly op: "run";
    readonly session: number;
    readonly inputs: TensorMessages;
    /** Inputs of this and later runs, in the place of those of before; those where there are none. */
    readonly constants?: TensorMessages | undefined;
    readonly outputs?: readonly string[] | undefined;
  }
  | { readonly id: number; readonly op: "release"; session: number }
  /** Ends the run of that id, where the engine can; there is no reply to it. */
  | { readonly id: number; readonly op: "cancel"; readonly run: number };

/** The answer to the request of that id. */
export interface Reply {
  readonly id: number;
  /** Outputs of a run. */
  readonly tensors?: TensorMessages | undefined;
  /** Why it could not be done. */
  readonly error?: ErrorMessage | undefined;
}

interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly code?: ErrorCode | undefined;
}

const ARRAYS: { readonly [D in DType]: new (buffer: ArrayBuffer) => TypedArray } = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** A copy of tensors as plain data. */
export function packTensors(tensors: Tensors): TensorMessages {
  return mapValues(tensors, ({ dtype, dims, data }) => {
    return { dtype, dims, data: data.slice().buffer as ArrayBuffer };
  });
}

/** Tensors as plain data; they give up their storage where it holds nothing else. */
function packOwnTensors(tensors: Tensors): TensorMessages {
  return mapValues(tensors, ({ dtype, dims, data }) => {
    const alone = data.byteLength === data.buffer.byteLength;
    return { dtype, dims, data: (alone ? data : data.slice()).buffer as ArrayBuffer };
  });
}

/** Tensors from plain data. */
export function unpackTensors(messages: TensorMessages): Tensors {
  return mapValues(
    messages,
    ({ dtype, dims, data }) => new Tensor(dtype, new ARRAYS[dtype](data), dims),
  );
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** The spec as plain data. */
export function packSpec(spec: SessionSpec): SpecMessage {
  return { ...spec, model: spec.model.slice().buffer };
}

/** The buffers of tensors, to be moved to another thread; each once. */
export function buffersOf(messages: TensorMessages = {}): ArrayBuffer[] {
  return [...new Set(Object.values(messages).map(({ data }) => data))];
}

function packError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const code = error instanceof DenoiseError ? error.code : undefined;
  return { name: error.name, message: error.message, code };
}

/** The error that a home met, as one of the same class. */
export function unpackError({ name, message, code }: ErrorMessage): Error {
  if (code !== undefined) return new DenoiseError(code, message);
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  return new Error(message);
}

/** Answers requests out of an engine, but those that want no reply: the far side of every home. */
export function answering(engine: Engine): (request: Request) => Promise<Reply | undefined> {
  const sessions = new Map<number, EngineSession>();
  const constants = new Map<number, Tensors>();
  const running = new Map<number, AbortController>();
  async function perform(
    request: Exclude<Request, { op: "cancel" }>,
  ): Promise<Tensors | undefined> {
    if (request.op === "create") {
      const spec = { ...request.spec, model: new Uint8Array(request.spec.model) };
      sessions.set(request.session, await engine.createSession(spec));
      return;
    }
    const session = sessions.get(request.session);
    if (session === undefined) throw new TypeError(`There is no session ${request.session}`);
    if (request.op === "run") {
      const { inputs, outputs } = request;
      if (request.constants !== undefined) {
        constants.set(request.session, unpackTensors(request.constants));
      }
      const controller = new AbortController();
      running.set(request.id, controller);
      try {
        return await session.run(unpackTensors(inputs), {
          outputs,
          constants: constants.get(request.session),
          signal: controller.signal,
        });
      } finally {
        running.delete(request.id);
      }
    }
    sessions.delete(request.session);
    constants.delete(request.session);
    await session.release();
  }
  return async (request) => {
    if (request.op === "cancel") return void running.get(request.run)?.abort();
    try {
      const tensors = await perform(request);
      return { id: request.id, tensors: tensors && packOwnTensors(tensors) };
    } catch (error) {
      return { id: request.id, error: packError(error) };
    }
  };
}
