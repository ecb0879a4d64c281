import { type CallOption, checkOptions, type Recipe, roleKey, runOptions } from "@denoise/core";
import type { ClassOptions } from "./call_names.ts";

/** An option of a call, with the name that it has there. */
export interface NamedOption {
  /** In camelCase, as calls take it. */
  readonly name: string;
  /** What it may be. */
  readonly option: CallOption;
}

/**
 * The options of a class by diffusers' names (`prior_num_inference_steps`), without those that every call has: seed,
 * form of the output, and what else is between a program and its call.
 *
 * @param taken Options that whoever asks has other names for.
 */
export function namedOptions(
  { options }: ClassOptions,
  taken: readonly string[] = [],
): ReadonlyMap<string, NamedOption> {
  const left = Object.entries(options)
    .filter(([name]) => !Object.hasOwn(runOptions, name) && !taken.includes(name));
  return new Map(left.map(([name, option]) => [roleKey(name), { name, option }]));
}

/** Finds one by its name in snake_case, camelCase or kebab-case. */
export function findOption<O>(name: string, named: ReadonlyMap<string, O>): O | undefined {
  const plain = (name: string) => name.replace(/[_-]/g, "").toLowerCase();
  const wanted = plain(name);
  const found = [...named.keys()].find((one) => plain(one) === wanted);
  return found === undefined ? undefined : named.get(found);
}

/**
 * Reads the value of an option from texts, such as those of a command line: numbers, true and false, strings; lists in JSON, with
 * commas between numbers, or a text each.
 *
 * @param texts One, or several for a list.
 * @param name How messages call it.
 * @param deed What is done with it, for messages: `"run DDPMPipeline"`.
 * @throws {TypeError} for what is no value of its type.
 * @throws {RangeError} for a number or word that is not allowed.
 *
 * @example
 * ```ts
 * import { readOption } from "@denoise/loading";
 * import { assertEquals } from "@std/assert";
 *
 * const sigmas = { type: "number", list: "required" } as const;
 * assertEquals(readOption(["1,0.5"], sigmas, "sigmas", "run MyPipeline"), [1, 0.5]);
 * ```
 */
export function readOption(
  texts: readonly string[],
  option: CallOption,
  name: string,
  deed: string,
): unknown {
  const values = texts.flatMap((text) => valuesIn(text, option));
  const isOne = values.length === 1 && !isJsonList(texts[0]!, option);
  const value = isOne && option.list !== "required" ? values[0] : values;
  checkOptions(deed, { [name]: value }, { [name]: option }, "some");
  return value;
}

/**
 * The option of a call by which its recipe says what was given by name: each as a text that {@linkcode readOption} reads
 * back. Images and audio are left out; nothing where no others are there, or the class takes no recipe.
 *
 * @param calledBy The class, where it was asked for by name, which the repo's own is not.
 */
export function recipeOption(
  values: Readonly<Record<string, unknown>>,
  { options }: ClassOptions,
  calledBy?: string | undefined,
): { readonly recipe?: Recipe } {
  const texts = Object.entries(values)
    .filter(([name]) => !["image", "audio"].includes(options[name]?.type ?? ""))
    .map(([name, value]) => [
      roleKey(name),
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
  if (!("recipe" in options)) return {};
  const recipe = {
    ...calledBy !== undefined && { calledBy },
    ...texts.length > 0 && { options: Object.fromEntries(texts) },
  };
  return Object.keys(recipe).length === 0 ? {} : { recipe };
}

function isJsonList(text: string, { list, type }: CallOption): boolean {
  return (list !== undefined || type === "any") && text.trimStart().startsWith("[");
}

/** What a text says: a value, or several where a list may be given. */
function valuesIn(text: string, option: CallOption): readonly unknown[] {
  const { list, type } = option;
  if (isJsonList(text, option)) {
    const values = parsed(text);
    if (Array.isArray(values)) return values;
  }
  const isSplit = list !== undefined && type !== "string";
  return (isSplit ? text.split(",") : [text]).map((one) => valueOf(one, option));
}

/** A text that is no value of the type stays one, which is refused. */
function valueOf(text: string, { type, nullable, choices }: CallOption): unknown {
  if (nullable && text === "null") return null;
  if (choices !== undefined || type === "string") return text;
  if (type === "boolean") return text === "true" || text === "false" ? text === "true" : text;
  if (type === "any") return parsed(text);
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
