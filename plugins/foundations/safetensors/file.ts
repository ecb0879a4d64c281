import { type FileHandle, realpath } from "node:fs/promises";
import { DenoiseError, isMissing } from "@denoise/core";

/** The most that one call reads or writes; Node.js takes lengths of 31 bits. */
const MOST = 2 ** 30;

/**
 * The absolute path of a file, with symbolic links resolved.
 *
 * @throws {DenoiseError} `missing_file` when there is no such file.
 */
export async function realPath(path: string): Promise<string> {
  return await realpath(path).catch((cause) => {
    if (!isMissing(cause)) throw cause;
    const problem = `Cannot read ${JSON.stringify(path)}: no such file`;
    throw new DenoiseError("missing_file", problem, { cause });
  });
}

/** The bytes of an open file from `start` to before `end`, fewer where it ends before. */
export async function readRange(
  file: FileHandle,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const length = Math.min(bytes.length - filled, MOST);
    const { bytesRead } = await file.read(bytes, filled, length, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Writes all bytes where an open file stands, or at its end where it was opened for that. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, Math.min(bytes.length - at, MOST))).bytesWritten;
  }
}
