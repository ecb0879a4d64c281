/**
 * Writes the package of a new scheduler, with tests and a workflow that publishes it:
 *
 *     deno run -A jsr:@denoise/create @you/scheduler-cosine-euler
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { createScheduler } from "./create.ts";

export { createScheduler, schedulerFiles } from "./create.ts";
export { type Names, namesOf } from "./names.ts";

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("create")
    .description("write the package of a new scheduler for denoise")
    .argument("<package>", 'its name on JSR, such as "@you/scheduler-cosine-euler"')
    .argument("[folder]", "where to write it; the second part of the name by default")
    .exitOverride()
    .action(async (packageName: string, folder?: string) => {
      const paths = await createScheduler(packageName, folder);
      console.log(paths.join("\n"));
      console.log(`Try it: cd ${folder ?? packageName.split("/")[1]} && deno test -A`);
    });
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
