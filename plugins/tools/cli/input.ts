import { Buffer } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import process from "node:process";
import { buffer } from "node:stream/consumers";
import { DenoiseError, isMissing } from "@denoise/core";

/** For a file or a prompt: what comes on standard input. */
export const STANDARD_INPUT = "-";

/** What comes on standard input, as bytes. */
export async function readInput(): Promise<Uint8Array> {
  return new Uint8Array(Buffer.from(await buffer(process.stdin)));
}

/** A file, or standard input for `-`, as what takes images takes it. */
export async function imageInput(file: string): Promise<string | Uint8Array> {
  return file === STANDARD_INPUT ? await readInput() : file;
}

/**
 * Looks whether files are there, before a model is loaded for them.
 *
 * @param files What is a path, an address of the web or `-`, by the flag that names it.
 * @throws {DenoiseError} `missing_file` for the first that is not there.
 */
export async function checkFiles(
  files: Readonly<Record<string, readonly (string | undefined)[]>>,
): Promise<void> {
  for (const [flag, paths] of Object.entries(files)) {
    for (const path of paths) {
      if (path === undefined || path === STANDARD_INPUT || /^(https?|data):/.test(path)) continue;
      await sizeOf(path, flag);
    }
  }
}

/** How many bytes a file has. */
async function sizeOf(path: string, flag?: string): Promise<number> {
  const refuse = (why: string, cause?: unknown) => {
    const what = `${JSON.stringify(path)}${flag === undefined ? "" : ` for --${flag}`}`;
    return new DenoiseError("missing_file", `Cannot read ${what}: ${why}`, { cause });
  };
  const found = await stat(path).catch((cause) => {
    throw isMissing(cause) ? refuse("there is no such file", cause) : cause;
  });
  if (found.isDirectory()) throw refuse("it is a folder");
  return found.size;
}

/** More than any result has. */
const MOST = 2 ** 30;

/** The bytes of a file that may hold a recipe, or of standard input. */
export async function readResult(file: string): Promise<Uint8Array> {
  if (file === STANDARD_INPUT) return await readInput();
  const size = await sizeOf(file);
  if (size > MOST) {
    throw new RangeError(
      `Cannot read a recipe from ${
        JSON.stringify(file)
      }: it has ${size} bytes, and no result of denoise is so large`,
    );
  }
  return new Uint8Array(await readFile(file));
}
