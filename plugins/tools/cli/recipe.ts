import { isWav, readWavRecipe } from "@denoise/audio";
import { registry } from "@denoise/denoise/registry";
import { readRecipe } from "@denoise/image";
import type { Recipe } from "@denoise/core";
import type { Command } from "commander";
import { readResult } from "./input.ts";
import { shortName } from "./names.ts";
import { classNamed } from "./tasks.ts";

/** Adds `recipe FILE`. */
export function addRecipe(program: Command): void {
  program.command("recipe")
    .description("what an image or audio clip was made from, and the command that makes it again")
    .argument("<file>", 'a .png, .jpg, .webp or .wav of denoise; "-" reads it from standard input')
    .option("--json", "print JSON")
    .action(async (file: string, flags: { json?: true }) => {
      const bytes = await readResult(file);
      const recipe = isWav(bytes) ? readWavRecipe(bytes) : readRecipe(bytes);
      if (recipe === undefined) {
        throw new TypeError(
          `Cannot find a recipe in ${JSON.stringify(file)}: denoise writes one into each file ` +
            "that it makes, and other programs often take it out",
        );
      }
      if (flags.json) return console.log(JSON.stringify(recipe, null, 2));
      console.log(`${describe(recipe)}\n\n${commandOf(recipe, await optionsOf(recipe))}`);
    });
}

/** What stands in recipes, as flags of `generate` for options of the same name. */
const FLAGS = {
  negativePrompt: "--negative",
  lyrics: "--lyrics",
  guidanceScale: "--guidance",
  strength: "--strength",
  eta: "--eta",
  clipSkip: "--clip-skip",
  promptSyntax: "--prompt-syntax",
  audioLengthInS: "--length",
  audioEndInS: "--length",
  audioDuration: "--length",
} as const;

function describe(recipe: Recipe): string {
  const width = Math.max(...Object.keys(recipe).map((key) => key.length));
  const lines = Object.entries(recipe).filter(([_, value]) => value !== undefined).map(
    ([key, value]) =>
      `${key.padEnd(width)}  ${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  return lines.join("\n");
}

/** Whether calls of a recipe's pipeline have an option; all where it is not known. */
async function optionsOf({ pipeline }: Recipe): Promise<(option: string) => boolean> {
  const name = String(pipeline);
  if (registry.pipeline(name) === undefined) return () => true;
  const { options } = await classNamed(name, registry);
  return (option) => option in options;
}

/** A word as shells read it. */
function quoted(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command that makes an image again; images that it began with have to be added.
 *
 * @param has Whether calls of its pipeline have an option: recipes also say what a call cannot choose.
 */
export function commandOf(recipe: Recipe, has: (option: string) => boolean): string {
  const { prompt, scheduler, width, height } = recipe;
  const flag = (flag: string, value: Recipe[string]) =>
    value === undefined || value === null || value === "" ? [] : [flag, quoted(value)];
  const flags = [
    ...flag("--model", recipe["model"]),
    ...has("numInferenceSteps") ? flag("--steps", recipe["steps"]) : [],
    ...Object.entries(FLAGS).flatMap(([key, name]) => has(key) ? flag(name, recipe[key]) : []),
    ...flag("--seed", recipe["seed"]),
  ];
  const size = recipe["strength"] === undefined && typeof width === "number" && has("width")
    ? ["--size", `${width}x${height}`]
    : [];
  const words = prompt === undefined || prompt === null ? [] : [quoted(prompt)];
  const named = typeof scheduler === "string" ? ["--scheduler", shortName(scheduler)] : [];
  const own = Object.entries((recipe["options"] ?? {}) as Recipe)
    .flatMap(([name, value]) => ["--option", quoted(`${name}=${value}`)]);
  return ["denoise generate", ...words, ...flags, ...named, ...size, ...own].join(" ");
}
