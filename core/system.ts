/**
 * What differs between Deno, Node.js and Bun. Everything else of files, environment and processes comes
 * from their common `node:` modules.
 *
 * @module
 */
import process from "node:process";
import { DenoiseError } from "./errors.ts";

/** What runs this program. */
export const runtime: "deno" | "node" | "bun" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Whether an error says that a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === "ENOENT" || code === "ENOTDIR";
}

/**
 * Whether the program may do something without being asked at its terminal. Node.js and Bun allow all.
 *
 * @param what The path, the variable, or the kind of knowledge. Defaults to all of them.
 */
export function isPermitted(
  name: "env" | "ffi" | "read" | "sys" | "write",
  what?: string,
): boolean {
  if (runtime !== "deno") return true;
  const asked = { name, path: what, variable: what, kind: what } as Deno.PermissionDescriptor;
  return Deno.permissions.querySync(asked).state === "granted";
}

/**
 * Refuses what only Deno can do where another runs this program.
 *
 * @param what What that is, as the beginning of a sentence.
 * @param instead How to go on.
 * @throws {DenoiseError} `runtime_unavailable` in Node.js and Bun.
 */
export function needsDeno(what: string, instead: string): void {
  if (runtime === "deno") return;
  const { node, bun = node } = process.versions;
  const here = runtime === "node" ? `Node.js ${node}` : `Bun ${bun}`;
  throw new DenoiseError(
    "runtime_unavailable",
    `${what} needs Deno, and this is ${here}; ${instead}`,
  );
}
