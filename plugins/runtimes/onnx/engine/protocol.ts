/**
 * What travels between an {@linkcode Engine} and a home in another thread or process.
 *
 * @module
 */
import { DenoiseError, type ErrorCode, Tensor } from "@denoise/core";
import type { Engine, EngineSession, SessionSpec, Tensors } from "./engine.ts";

/** A tensor as plain data. */
export type TensorMessage = Pick<Tensor, "dtype" | "dims" | "data">;

/** What is asked of a home; sessions are named by numbers that the asker chooses. */
export type Request =
  | { readonly id: number; readonly op: "create"; session: number; spec: SessionSpec }
  | {
    readonly id: number;
    readonly op: "run";
    readonly session: number;
    readonly inputs: Readonly<Record<string, TensorMessage>>;
    readonly outputs?: readonly string[] | undefined;
  }
  | { readonly id: number; readonly op: "release"; session: number };

/** The answer to the request of that id. */
export interface Reply {
  readonly id: number;
  /** Outputs of a run. */
  readonly tensors?: Readonly<Record<string, TensorMessage>> | undefined;
  /** Why it could not be done. */
  readonly error?: ErrorMessage | undefined;
}

interface ErrorMessage {
  readonly name: string;
  readonly message: string;
  readonly code?: ErrorCode | undefined;
}

/** Tensors as plain data, each with storage that holds nothing else. */
export function packTensors(tensors: Tensors): Record<string, TensorMessage> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
      const alone = data.byteLength === data.buffer.byteLength;
      return [name, { dtype, dims, data: alone ? data : data.slice() }];
    }),
  );
}

/** Tensors from plain data. */
export function unpackTensors(messages: Readonly<Record<string, TensorMessage>>): Tensors {
  return Object.fromEntries(
    Object.entries(messages).map(([name, { dtype, dims, data }]) => [
      name,
      new Tensor(dtype, data, dims),
    ]),
  );
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

/** Answers requests out of an engine: the far side of every home. */
export function answering(engine: Engine): (request: Request) => Promise<Reply> {
  const sessions = new Map<number, EngineSession>();
  async function perform(request: Request): Promise<Tensors | undefined> {
    if (request.op === "create") {
      sessions.set(request.session, await engine.createSession(request.spec));
      return;
    }
    const session = sessions.get(request.session);
    if (session === undefined) throw new TypeError(`There is no session ${request.session}`);
    if (request.op === "run") {
      return await session.run(unpackTensors(request.inputs), { outputs: request.outputs });
    }
    sessions.delete(request.session);
    await session.release();
  }
  return async (request) => {
    try {
      const tensors = await perform(request);
      return { id: request.id, tensors: tensors && packTensors(tensors) };
    } catch (error) {
      return { id: request.id, error: packError(error) };
    }
  };
}
