import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty folder. */
export async function emptyFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "denoise-"));
}
