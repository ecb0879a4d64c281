/** Bytes of an answer, under watch: a body that stands still, or never ends, is an error. */

import { RemoteError } from "./remote_error.ts";

/** How a body is read. */
export interface BodyOptions {
  /** What is being read, for messages. */
  readonly doing: string;
  /** How long the next bytes may take, in milliseconds. */
  readonly stall: number;
  /** Cancels it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The chunks of a body as they come.
 *
 * @throws {RemoteError} when the connection breaks or no byte comes for too long.
 * @throws {DenoiseError} `aborted` when the signal fires.
 */
export async function* chunksOf(
  response: Response,
  options: BodyOptions,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  let stalled = false;
  const cancel = () => void reader.cancel().catch(() => {});
  options.signal?.addEventListener("abort", cancel, { once: true });
  try {
    while (true) {
      const timer = setTimeout(() => {
        stalled = true;
        cancel();
      }, options.stall);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      options.signal?.throwIfAborted();
      if (stalled) {
        throw new RemoteError(
          `Stopped ${options.doing}: no byte came for ${options.stall / 1000} s`,
        );
      }
      if (done) return;
      yield value;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof RemoteError) throw error;
    throw new RemoteError(`The connection broke while ${options.doing}`);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

/**
 * Reads a body into memory, up to a limit.
 *
 * @throws {RemoteError} when it is longer.
 */
export async function readBody(
  response: Response,
  limit: number,
  options: BodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLong = () =>
    new RemoteError(
      `Refused ${options.doing}: the answer is longer than ${limit / 1_000_000} MB, ` +
        "far above what a repo needs",
      response.status,
    );
  if (Number(response.headers.get("content-length")) > limit) {
    await response.body?.cancel();
    throw tooLong();
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(response, options)) {
    length += chunk.length;
    if (length > limit) throw tooLong();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
