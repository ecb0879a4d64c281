/**
 * `with_jsr.ts SUBCOMMAND [arguments]`: runs a subcommand of Deno on code that imports from JSR,
 * whether or not JSR can be reached.
 *
 * @module
 */
import { jsrAccess } from "./stand_in.ts";

/**
 * Runs it; resolves to its exit code.
 *
 * @param onLine Called with each line of its output, which goes on to this one's.
 * @param signal Ends it.
 */
export async function runWithJsr(
  subcommand: string,
  args: readonly string[],
  env: Record<string, string> = {},
  onLine?: (line: string) => void,
  signal?: AbortSignal,
): Promise<number> {
  await using jsr = await jsrAccess();
  const child = new Deno.Command(Deno.execPath(), {
    args: [subcommand, ...jsr.args, ...args],
    env: { ...env, ...jsr.env },
    stdout: onLine === undefined ? "inherit" : "piped",
    ...signal === undefined ? {} : { signal },
  }).spawn();
  if (onLine !== undefined) {
    const lines = child.stdout.pipeThrough(new TextDecoderStream());
    let rest = "";
    for await (const piece of lines) {
      const parts = (rest + piece).split("\n");
      rest = parts.pop()!;
      for (const line of parts) {
        console.log(line);
        onLine(line);
      }
    }
    if (rest !== "") console.log(rest);
  }
  return (await child.status).code;
}

if (import.meta.main) {
  const [subcommand = "help", ...args] = Deno.args;
  Deno.exitCode = await runWithJsr(subcommand, args);
}
