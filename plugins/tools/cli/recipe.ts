import { isWav, readWavRecipe } from "@denoise/audio";
import { readRecipe } from "@denoise/image";
import type { Recipe } from "@denoise/core";
import type { Command } from "commander";
import { readResult } from "./input.ts";
import { shortName } from "./names.ts";

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
      console.log(flags.json ? JSON.stringify(recipe, null, 2) : describe(recipe));
    });
}

/** What stands in recipes, as flags of `generate`. */
const FLAGS = {
  model: "--model",
  negativePrompt: "--negative",
  lyrics: "--lyrics",
  steps: "--steps",
  guidanceScale: "--guidance",
  strength: "--strength",
  eta: "--eta",
  clipSkip: "--clip-skip",
  promptSyntax: "--prompt-syntax",
  seed: "--seed",
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
  return `${lines.join("\n")}\n\n${commandOf(recipe)}`;
}

/** A word as shells read it. */
function quoted(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command that makes an image again; images that it began with have to be added. */
export function commandOf(recipe: Recipe): string {
  const { prompt, scheduler, width, height } = recipe;
  const flags = Object.entries(FLAGS).flatMap(([key, flag]) => {
    const value = recipe[key];
    return value === undefined || value === null || value === "" ? [] : [flag, quoted(value)];
  });
  const size = recipe["strength"] === undefined && typeof width === "number"
    ? ["--size", `${width}x${height}`]
    : [];
  const words = prompt === undefined || prompt === null ? [] : [quoted(prompt)];
  const own = typeof scheduler === "string" ? ["--scheduler", shortName(scheduler)] : [];
  return ["denoise generate", ...words, ...flags, ...own, ...size].join(" ");
}
