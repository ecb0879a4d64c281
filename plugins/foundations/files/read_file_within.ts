import { readFile, stat } from "node:fs/promises";
import { DenoiseError, isMissing } from "@denoise/core";

/**
 * The bytes of a file, whose length is looked at before it is read.
 *
 * @param path Where the file lies: a path, or a URL of `file:`.
 * @param check Is given the file's length in bytes, and throws where it is too long.
 * @throws {DenoiseError} `missing_file` when there is no such file.
 */
export async function readFileWithin(
  path: string | URL,
  check: (length: number) => void,
): Promise<Uint8Array> {
  const found = await stat(path).catch((cause) => {
    if (!isMissing(cause)) throw cause;
    const problem = `Cannot read ${JSON.stringify(String(path))}: no such file`;
    throw new DenoiseError("missing_file", problem, { cause });
  });
  check(found.size);
  return new Uint8Array(await readFile(path));
}
