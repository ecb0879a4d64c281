import { Buffer } from "node:buffer";
import { DenoiseError } from "@denoise/core";
import { readFileWithin } from "./read_file_within.ts";

/** How {@linkcode readSource} reads. */
export interface ReadSourceOptions {
  /** Is given how many bytes there are so far, or in all, and throws where these are too many. */
  readonly check: (length: number) => void;
  /** Cancels a download. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes at an address (`https:`, `http:`, `data:`, `file:`) or a path. It asks any address that it is
 * given; a server that gets addresses from others has to check them first.
 *
 * @throws {DenoiseError} `source_unavailable` when an address cannot be fetched, `missing_file` when there is
 *   no such file.
 */
export async function readSource(
  source: string | URL,
  options: ReadSourceOptions,
): Promise<Uint8Array> {
  const address = String(source);
  if (/^(https?|data):/i.test(address)) return await download(address, options);
  return await readFileWithin(/^file:/i.test(address) ? new URL(address) : source, options.check);
}

/** Reads a body up to the limit, whatever its header promised. */
async function download(
  address: string,
  { check, signal }: ReadSourceOptions,
): Promise<Uint8Array> {
  const shown = JSON.stringify(address.slice(0, 100));
  const unavailable = (reason: string, cause?: unknown): DenoiseError =>
    new DenoiseError("source_unavailable", `Cannot load ${shown}: ${reason}`, { cause });
  const response = await fetch(address, { signal: signal ?? null }).catch((cause) => {
    if (signal?.aborted) throw cause;
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw unavailable(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    check(length);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
