/**
 * `with_jsr.ts SUBCOMMAND [arguments]`: runs a subcommand of Deno on code that imports from JSR,
 * whether or not JSR can be reached.
 *
 * @module
 */
import { jsrAccess } from "./jsr_registry/stand_in.ts";

/** Runs it; resolves to its exit code. */
export async function runWithJsr(
  subcommand: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<number> {
  await using jsr = await jsrAccess();
  const child = new Deno.Command(Deno.execPath(), {
    args: [subcommand, ...jsr.args, ...args],
    env: { ...env, ...jsr.env },
  }).spawn();
  return (await child.status).code;
}

if (import.meta.main) {
  const [subcommand = "help", ...args] = Deno.args;
  Deno.exitCode = await runWithJsr(subcommand, args);
}
