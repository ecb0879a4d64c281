/** The reference Python, for tests that share a cache with it. */

import { fileURLToPath } from "node:url";

/** The Python that has diffusers, or `undefined` with a line that says so. */
export function findPython(): string | undefined {
  const path = Deno.env.get("DENOISE_REFERENCE_PYTHON") ??
    fileURLToPath(new URL("../../.reference/bin/python", import.meta.url));
  try {
    Deno.statSync(path);
    return path;
  } catch {
    console.log(
      `skipped: no Python at ${path}; sh scripts/reference/setup.sh makes it, or set ` +
        "DENOISE_REFERENCE_PYTHON",
    );
    return undefined;
  }
}

/** Runs a script of this folder with JSON as its input; gives the JSON that it prints. */
export async function runPython<T>(
  python: string,
  script: string,
  input: unknown,
  env: Record<string, string> = {},
): Promise<T> {
  const child = new Deno.Command(python, {
    args: [fileURLToPath(new URL(script, import.meta.url))],
    env: { PYTHONWARNINGS: "ignore", TRANSFORMERS_VERBOSITY: "error", TQDM_DISABLE: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(input)));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return JSON.parse(lines.at(-1)!) as T;
}
