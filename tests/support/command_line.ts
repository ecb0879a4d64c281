/**
 * The command line, run within a test.
 *
 * @module
 */
import { runCli } from "../../plugins/tools/cli/program.ts";

/** Runs a command line, and gives its exit code with what it said of errors. */
export async function commandLine(
  args: readonly string[],
): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const { error } = console;
  console.error = (...parts: unknown[]) => void said.push(parts.join(" "));
  try {
    return { code: await runCli(args), said: said.join("\n") };
  } finally {
    console.error = error;
  }
}
