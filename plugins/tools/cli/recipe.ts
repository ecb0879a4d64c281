import { isWav, readWavRecipe } from "@denoise/audio";
import { registry } from "@denoise/denoise/registry";
import { readRecipe } from "@denoise/image";
import type { Recipe } from "@denoise/core";
import type { Command } from "commander";
import { readResult } from "./input.ts";
import { shortName } from "./names.ts";
import { type AnyClass, classNamed } from "./tasks.ts";

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
      const Class = await classOf(recipe);
      const has = (option: string) => Class === undefined || option in Class.options;
      const files = Class === undefined ? [] : filesOf(Class);
      const note = noteOf(Class, files);
      const command = [commandOf(recipe, has), ...files].join(" ");
      console.log([describe(recipe), "", ...note, command].join("\n"));
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

/** A recipe's pipeline, where it is known. */
async function classOf({ pipeline }: Recipe): Promise<AnyClass | undefined> {
  const name = String(pipeline);
  return registry.pipeline(name) && await classNamed(name, registry);
}

/** Flags of images and clips, by the option that takes them. */
const FILE_FLAGS: Readonly<Record<string, string>> = {
  image: "--image IMAGE",
  maskImage: "--mask MASK",
  controlImage: "--control-image CONTROL_IMAGE",
};

/** Flags for the files that a call of a class needs, which no recipe holds; a word in capitals is the place of each. */
function filesOf({ options, control, task }: AnyClass): string[] {
  const needed = Object.entries(options)
    .filter(([_, { type, required }]) => isFile(type) && required)
    .map(([name]) =>
      control && task[0] === "text-to-image" && name === "image" ? "controlImage" : name
    )
    .map((name) => FILE_FLAGS[name] ?? `--option ${name}=FILE`);
  return control ? ["--controlnet CONTROLNET", ...needed] : needed;
}

function noteOf(Class: AnyClass | undefined, files: readonly string[]): string[] {
  const said: string[] = [];
  if (files.length > 0) {
    said.push(
      "Put the files that it began with in the places in capitals: a recipe does not hold them.",
    );
  }
  const { image } = Class?.options ?? {};
  if (image !== undefined && !image.required) {
    said.push("Add --image FILE where it was made from images: a recipe does not hold them.");
  }
  return said;
}

function isFile(type: string): boolean {
  return type === "image" || type === "audio";
}

/** A word as shells read it. */
function quoted(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command that makes an image again, but for files that it began with.
 *
 * @param has Whether calls of its pipeline have an option: recipes also say what a call cannot choose.
 */
export function commandOf(recipe: Recipe, has: (option: string) => boolean): string {
  const { prompt, scheduler, width, height } = recipe;
  const flag = (flag: string, value: Recipe[string]) =>
    value === undefined || value === null || value === "" ? [] : [flag, quoted(value)];
  const flags = [
    ...flag("--model", recipe["model"]),
    ...flag("--pipeline", recipe["calledBy"]),
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
