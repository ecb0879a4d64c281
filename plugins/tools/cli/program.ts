import process from "node:process";
import { VERSION } from "@denoise/core";
import { Command, CommanderError } from "commander";
import { addCacheCommands } from "./cache.ts";
import { addCompletion } from "./completion.ts";
import { addDoctor } from "./doctor.ts";
import { addGenerate } from "./generate.ts";
import { addInspect } from "./inspect.ts";
import { Interrupted } from "./interrupt.ts";
import { addListings } from "./listings.ts";
import { addRecipe } from "./recipe.ts";
import { addServe } from "./serve.ts";

/** Exit codes: all went well, the work failed, the command line was wrong. */
const EXIT = { done: 0, failed: 1, usage: 2 } as const;

function createProgram(): Command {
  const program = new Command("denoise")
    .description("Hugging Face diffusers in TypeScript: images and audio from diffusers repos")
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(add --help for what there is)");
  addGenerate(program);
  addRecipe(program);
  addListings(program);
  addInspect(program);
  addCacheCommands(program);
  addServe(program);
  addDoctor(program);
  addCompletion(program);
  return program;
}

function describe(error: unknown, args: readonly string[]): string {
  if (!(error instanceof Error)) return String(error);
  const isLong = process.env.DENOISE_DEBUG !== undefined || args.includes("--verbose") ||
    args.includes("-v");
  return isLong ? error.stack ?? error.message : error.message;
}

/**
 * Runs a command line and says on stderr in one line what went wrong.
 *
 * @param args What follows the program's name.
 * @returns The exit code: 0 done, 1 failed, 2 for a command line that cannot be read, 130 after Ctrl-C.
 */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof Interrupted) return error.exitCode;
    console.error(`error: ${describe(error, args)}`);
    return EXIT.failed;
  }
}
