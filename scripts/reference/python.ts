/**
 * The reference from TypeScript: finds its Python, sets it up when needed, and reads what its
 * scripts print.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { TextLineStream } from "./lines.ts";

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The path of a Python that has the reference installed; makes the environment when there is none. */
export async function referencePython(): Promise<string> {
  const setup = new Deno.Command("sh", { args: [script("setup.sh")], stderr: "inherit" });
  const { success, stdout } = await setup.output();
  if (!success) throw new Error("Cannot set up the reference; see the lines above");
  return new TextDecoder().decode(stdout).trim();
}

/** Runs a script of this folder and gives each JSON line that it prints. */
export async function* referenceLines<T>(name: string, args: readonly string[]): AsyncGenerator<T> {
  const child = new Deno.Command(await referencePython(), {
    args: [script(name), ...args],
    env: { PYTHONWARNINGS: "ignore", TRANSFORMERS_VERBOSITY: "error", TQDM_DISABLE: "1" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (line.startsWith("{")) yield JSON.parse(line) as T;
  }
  const { code } = await child.status;
  if (code !== 0) throw new Error(`${name} ended with exit code ${code}; see the lines above`);
}
