import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * How many files and connections this process can have open beside those that it has, found by opening
 * them, as neither Deno nor Node tells; `undefined` where that cannot be tried.
 *
 * @param enough More is not looked for.
 */
export function freeHandles(enough: number): number | undefined {
  if (!import.meta.url.startsWith("file:")) return undefined;
  const own = fileURLToPath(import.meta.url);
  const opened: number[] = [];
  try {
    while (opened.length < enough) opened.push(openSync(own, "r"));
    return enough;
  } catch (error) {
    return (error as { code?: string }).code === "EMFILE" ? opened.length : undefined;
  } finally {
    for (const handle of opened) closeSync(handle);
  }
}
