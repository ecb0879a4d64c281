/**
 * `deno task images [--into FOLDER]`: runs the commands of docs/tasks.md, which make its images.
 *
 * @module
 */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runCli } from "../../plugins/tools/cli/program.ts";

/** The arguments of the commands in docs/tasks.md, those of `deno task generate` and after. */
export async function documentedCommands(): Promise<string[][]> {
  const page = await Deno.readTextFile(new URL("../../docs/tasks.md", import.meta.url));
  return [...page.matchAll(/^deno task (generate .*)$/gm)].map(([, command]) =>
    [...command!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!)
  );
}

/** Runs a command of docs/tasks.md, over the image that is there; it goes into `folder` where one is given. */
export async function runDocumented(command: readonly string[], folder?: string): Promise<string> {
  const args = [...command];
  const place = args.indexOf("--out") + 1;
  if (folder !== undefined) args[place] = join(folder, basename(args[place]!));
  const code = await runCli([...args, "--force"]);
  if (code !== 0) throw new Error(`deno task ${command.join(" ")} ended with code ${code}`);
  return args[place]!;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { into: { type: "string" } } });
  Deno.chdir(fileURLToPath(new URL("../../", import.meta.url)));
  for (const command of await documentedCommands()) await runDocumented(command, values.into);
}
