/**
 * Writes the package of a new scheduler, pipeline or model, with tests that pass and a workflow that publishes it:
 *
 *     deno run -A jsr:@denoise/create @you/scheduler-cosine-euler
 *     deno run -A jsr:@denoise/create @you/pipeline-between
 *     deno run -A jsr:@denoise/create @you/model-tiny
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { createPackage } from "./create.ts";
import { type Kind, KINDS } from "./names.ts";

export { type CreateOptions, createPackage, packageFiles } from "./create.ts";
export { type Kind, KINDS, type Names, namesOf } from "./names.ts";

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("create")
    .description("write the package of a new scheduler, pipeline or model for denoise")
    .argument("<package>", 'its name on JSR, such as "@you/scheduler-cosine-euler"')
    .argument("[folder]", "where to write it; the second part of the name by default")
    .addOption(
      new Option("--kind <kind>", "what it holds; what its name says by default").choices(KINDS),
    )
    .exitOverride()
    .action(async (packageName: string, folder: string | undefined, { kind }: { kind?: Kind }) => {
      const paths = await createPackage(packageName, { folder, kind });
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
