import type { FileHandle } from "node:fs/promises";

/** The most that one call reads or writes; Node.js takes lengths of 31 bits. */
const MOST = 2 ** 30;

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
