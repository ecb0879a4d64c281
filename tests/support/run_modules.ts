/**
 * `run_modules.ts FILE...`: runs modules one after another, and says of each in a line of JSON how it ended.
 * What they do to the folder and the variables of their process is theirs alone.
 *
 * @module
 */
import { pathToFileURL } from "node:url";

/** How a module ended. */
export interface ModuleEnd {
  /** The file that was run. */
  readonly file: string;
  /** What it threw; none by default. */
  readonly error?: string | undefined;
}

/** What such a line begins with. */
export const MARK = "module ended: ";

if (import.meta.main) {
  for (const file of Deno.args) {
    const error = await import(pathToFileURL(file).href).then(
      () => undefined,
      (error) => error?.stack ?? String(error),
    );
    const end: ModuleEnd = { file, error };
    console.log(`\n${MARK}${JSON.stringify(end)}`);
  }
}
