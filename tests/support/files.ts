/**
 * Temporary folders for tests.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** A folder that is removed at the end of the `await using` block. */
export interface TempFolder extends AsyncDisposable {
  /** Its absolute path. */
  path: string;
  /** Its address, with a slash at the end. */
  url: URL;
}

/** Writes files, given by path and text, into a new temporary folder. */
export async function writeTree(files: Record<string, string | Uint8Array>): Promise<TempFolder> {
  const path = await Deno.makeTempDir({ prefix: "denoise-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(path, name)), { recursive: true });
    const write = typeof text === "string" ? Deno.writeTextFile : Deno.writeFile;
    await write(join(path, name), text as never);
  }
  return {
    path,
    url: pathToFileURL(`${path}/`),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
