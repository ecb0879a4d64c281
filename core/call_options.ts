import { nearName } from "./near_name.ts";
import { Tensor } from "./tensor.ts";

/** What an option may be, as data: calls are checked by it, and doors and forms are made from it. */
export interface CallOption {
  /**
   * The kind of its value. `"integer"` and `"number"` are finite; `"seed"` is an integer as number or
   * bigint; `"image"` and `"audio"` are whatever these may be given as; an `"object"` is of some class; `"any"` is
   * checked by whoever takes it.
   */
  readonly type:
    | "number"
    | "integer"
    | "seed"
    | "boolean"
    | "string"
    | "image"
    | "audio"
    | "tensor"
    | "function"
    | "object"
    | "any";
  /** The smallest number allowed. */
  readonly minimum?: number | undefined;
  /** The largest number allowed. */
  readonly maximum?: number | undefined;
  /** Numbers must be larger than this. */
  readonly exclusiveMinimum?: number | undefined;
  /** Numbers must be smaller than this. */
  readonly exclusiveMaximum?: number | undefined;
  /** The words that a string may be. */
  readonly choices?: readonly string[] | undefined;
  /** Whether a list of such values may be given too, or must. */
  readonly list?: "allowed" | "required" | undefined;
  /** How many images are read together for each one to make. Defaults to 1: a list has one for each. */
  readonly together?: number | undefined;
  /** Whether null stands for a value that is left open. */
  readonly nullable?: boolean | undefined;
  /** Whether there is nothing to be done without it. Defaults to false. */
  readonly required?: boolean | undefined;
  /**
   * What a larger integer, or a longer list, costs: servers bound it so. They take no integer without a
   * maximum that does not say.
   */
  readonly cost?: "steps" | "images" | "none" | undefined;
}

/** The declarations of all options of a type, none left out. */
export type CallOptions<O extends object> = { readonly [K in keyof O]-?: CallOption };

/**
 * Checks options against their declarations: unknown names, missing ones, wrong types, numbers that are
 * not finite or outside their range.
 *
 * @param deed What is done with them, for messages: `"run DDPMPipeline"`.
 * @param which Whether all that are required have to be there. Defaults to `"all"`.
 * @throws {TypeError} for an unknown or missing option, and for a value of another type.
 * @throws {RangeError} for a number or word that is not allowed.
 *
 * @example
 * ```ts
 * import { checkOptions } from "@denoise/core";
 * import { assertThrows } from "@std/assert";
 *
 * const declared = { guidanceScale: { type: "number" } } as const;
 * checkOptions("run MyPipeline", { guidanceScale: 7.5 }, declared);
 * assertThrows(
 *   () => checkOptions("run MyPipeline", { guidance_scale: 7.5 }, declared),
 *   TypeError,
 *   'Cannot run MyPipeline with "guidance_scale": its name is "guidanceScale" here',
 * );
 * ```
 */
export function checkOptions(
  deed: string,
  given: object,
  declared: Readonly<Record<string, CallOption>>,
  which: "all" | "some" = "all",
): void {
  const names = Object.keys(declared);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(declared, name)) throw new TypeError(unknownOption(deed, name, names));
    checkOption(deed, name, value, declared[name]!);
  }
  if (which === "some") return;
  for (const [name, option] of Object.entries(declared)) {
    if (!option.required || (given as Record<string, unknown>)[name] !== undefined) continue;
    throw new TypeError(`Cannot ${deed} without ${name}: give ${describe(option)}`);
  }
}

function checkOption(deed: string, name: string, value: unknown, option: CallOption): void {
  if (value === null && option.nullable) return;
  const wanted = `Cannot ${deed} with ${name} ${show(value)}: it must be ${describe(option)}`;
  const isList = Array.isArray(value);
  if (isList ? option.list === undefined && option.type !== "any" : option.list === "required") {
    throw new TypeError(wanted);
  }
  for (const item of isList && option.list ? value : [value]) {
    if (!isOfType(item, option)) throw new TypeError(wanted);
    if (!isInRange(item, option)) throw new RangeError(wanted);
  }
}

function isOfType(value: unknown, { type, list, choices }: CallOption): boolean {
  // of several ControlNets a prompt has a list of images for each
  if (type === "image" && Array.isArray(value)) return list !== undefined;
  return choices !== undefined || IS[type](value);
}

const isObject = (value: unknown) => typeof value === "object" && value !== null;
const isNumber = (value: unknown) => typeof value === "number";

/** Whether a value is of a type, whatever its range. */
const IS: Readonly<Record<CallOption["type"], (value: unknown) => boolean>> = {
  number: isNumber,
  integer: isNumber,
  seed: (value) => isNumber(value) || typeof value === "bigint",
  boolean: (value) => typeof value === "boolean",
  string: (value) => typeof value === "string",
  image: (value) => typeof value === "string" || isObject(value),
  audio: (value) => typeof value === "string" || isObject(value),
  tensor: (value) => value instanceof Tensor,
  function: (value) => typeof value === "function",
  object: isObject,
  any: () => true,
};

function isInRange(value: unknown, option: CallOption): boolean {
  const { type, choices, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = option;
  if (choices !== undefined) return choices.includes(value as string);
  if (typeof value !== "number" || type === "any") return true;
  if (!(type === "number" ? Number.isFinite(value) : Number.isInteger(value))) return false;
  return value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity) &&
    value > (exclusiveMinimum ?? -Infinity) && value < (exclusiveMaximum ?? Infinity);
}

/** What an option must be, as words: "a finite number from 0 to 1, or a list of them". */
function describe(option: CallOption): string {
  const { type, choices, list } = option;
  const words = choices?.map((word) => JSON.stringify(word));
  const one = words === undefined ? NOUNS[type] + range(option) : OR.format(words);
  if (list === "required") return `a list, each ${one}`;
  return list === "allowed" ? `${one}, or a list of them` : one;
}

const OR = new Intl.ListFormat("en-GB", { type: "disjunction" });

const NOUNS: Readonly<Record<CallOption["type"], string>> = {
  number: "a finite number",
  integer: "an integer",
  seed: "an integer, as number or bigint",
  boolean: "true or false",
  string: "a string",
  image: "an image",
  audio: "audio",
  tensor: "a Tensor",
  function: "a function",
  object: "an object",
  any: "a value",
};

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: CallOption): string {
  const words = { from: minimum, to: maximum, above: exclusiveMinimum, below: exclusiveMaximum };
  return Object.entries(words).filter(([_, bound]) => bound !== undefined)
    .map(([word, bound]) => ` ${word} ${bound}`).join("");
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Tensor) return "a Tensor";
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? `a ${value.constructor?.name}` : `${value}`;
}

/** The sentence about an option that is not known, with the name that was probably meant. */
function unknownOption(deed: string, name: string, known: readonly string[]): string {
  const start = `Cannot ${deed} with ${JSON.stringify(name)}: `;
  const meant = meantOption(name, known);
  if (meant === undefined) {
    return `${start}there is no such option. Options: ${known.join(", ") || "none"}`;
  }
  return camelCase(name) === meant
    ? `${start}its name is ${JSON.stringify(meant)} here`
    : `${start}there is no such option; did you mean ${JSON.stringify(meant)}?`;
}

/**
 * The option that was probably meant by a name that is none, if any is near enough: the same name in
 * camelCase, or one of few other letters.
 */
function meantOption(name: string, known: readonly string[]): string | undefined {
  const camel = camelCase(name);
  if (known.includes(camel)) return camel;
  return nearName(camel, known);
}

/** The sentence about options of a config or scheduler that are none of its own. */
export function noOption(
  deed: string,
  names: readonly string[],
  known: readonly string[],
): string {
  const meant = meantOption(names[0]!, known);
  return `Cannot ${deed}: it has no option ${names.join(", ")}; ` +
    (meant === undefined ? "" : `did you mean ${JSON.stringify(meant)}? `) +
    `its options are ${known.join(", ")}`;
}

function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/gi, (_, letter) => letter.toUpperCase());
}
