import { noOption } from "./call_options.ts";
import { dumpPythonJson, type FloatPaths, parsePythonJson } from "./_python_json.ts";
import { type ConfigSchema, type ConfigType, defaultsOf, optionOf } from "./config_options.ts";
import { DenoiseError } from "./errors.ts";
import { DIFFUSERS_VERSION } from "./version.ts";

/** A value that stands in a JSON file. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/** A JSON object: the content of config.json, scheduler_config.json or model_index.json. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * A deeply frozen config: the options of the class, then keys of sibling classes that were carried
 * along, then who made it and what was left at its default. Writing to it throws. What the types do not name, such as
 * the keys of siblings, {@linkcode configValue} gives.
 */
export type FrozenConfig<C extends object = JsonObject> =
  & { readonly [K in keyof C]: C[K] }
  & {
    /** The class that it was made by. */
    readonly _class_name?: string;
    /** The version of diffusers that is followed, or that saved it. */
    readonly _diffusers_version?: string;
    /** The options that nobody gave. */
    readonly _use_default_values?: readonly string[];
  };

/** What stands in a config under a name that its type does not tell; undefined where nothing does. */
export function configValue(config: object, name: string): unknown {
  return (config as { readonly [name: string]: unknown })[name];
}

/** Where numbers were floats in the file; JSON numbers do not keep that by themselves. */
const FLOATS: unique symbol = Symbol("denoise.floats");

type WithFloats = { [FLOATS]?: FloatPaths };

function floatsOf(config: object): FloatPaths {
  return (config as WithFloats)[FLOATS] ?? new Set();
}

function withFloats<T extends object>(config: T, floats: Iterable<string>): T {
  return Object.defineProperty(config, FLOATS, { value: new Set(floats), enumerable: false });
}

/** Freezes a JSON value all the way down and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

function parse(text: string, file: string): { value: unknown; floats: FloatPaths } {
  try {
    return parsePythonJson(text);
  } catch (cause) {
    const problem = `Cannot read ${file}: it is not valid JSON`;
    throw new DenoiseError("invalid_config", problem, { cause });
  }
}

/**
 * Parses a JSON object, in which NaN and Infinity may stand as Python writes them, and remembers which of its numbers are written as floats.
 *
 * @throws {DenoiseError} `invalid_config` when the text is no JSON object; `file` names it.
 */
export function parseConfig(text: string, file: string): JsonObject {
  const { value, floats } = parse(text, file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DenoiseError("invalid_config", `Cannot read ${file}: it is not a JSON object`);
  }
  return deepFreeze(withFloats(value as JsonObject, floats));
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function hasType(value: unknown, type: ConfigType): boolean {
  switch (type) {
    case "any":
      return true;
    case "number[]":
    case "boolean[]":
    case "string[]":
      return Array.isArray(value) && value.every((item) => `${typeof item}[]` === type);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "number":
      return typeof value === "number" && !Number.isNaN(value);
    default:
      return typeOf(value) === type;
  }
}

/**
 * Checks config values against the schema: types, then allowed values.
 *
 * @throws {TypeError} for a value of another type.
 * @throws {RangeError} for a value that is not one of the choices.
 */
export function checkConfig<C extends object>(
  className: string,
  schema: ConfigSchema<C>,
  values: Partial<C>,
): void {
  for (const key of Object.keys(values) as (keyof C & string)[]) {
    const value = values[key];
    if (value === null || value === undefined || !Object.hasOwn(schema, key)) continue;
    const { types, choices } = optionOf(schema[key]);
    if (!types.some((type) => hasType(value, type))) {
      throw new TypeError(
        `Cannot configure ${className}: ${key} must be ${types.join(" or ")}, ` +
          `but is ${JSON.stringify(value)} (${typeOf(value)})`,
      );
    }
    if (choices !== undefined && !choices.some((choice) => choice === value)) {
      throw new RangeError(
        `Cannot configure ${className}: ${key} must be one of ` +
          `${choices.map((choice) => JSON.stringify(choice)).join(", ")}, ` +
          `but is ${JSON.stringify(value)}`,
      );
    }
  }
}

/** Options with the values of sibling classes replaced by the class's own. */
function withReplacements<C extends object>(
  schema: ConfigSchema<C>,
  options: Partial<C>,
): Partial<C> {
  const entries = Object.entries(options).map(([key, value]) => {
    const own = optionOf(schema[key as keyof C]).replaces?.[String(value)];
    return [key, own === undefined ? value : own];
  });
  return Object.fromEntries(entries);
}

/**
 * Makes the frozen config of a class from the given options, filling in the defaults and noting
 * them in `_use_default_values` (as `register_to_config` of diffusers does).
 *
 * @param foreignOptions Values of options; those that the options replace become their own.
 * @param hidden Keys of sibling classes to carry along, printed and saved like options.
 * @param given The object that `options` was read from, when it came from a JSON file.
 */
export function makeConfig<C extends object>(
  className: string,
  schema: ConfigSchema<C>,
  foreignOptions: Partial<C>,
  hidden: JsonObject = {},
  given: object = foreignOptions,
): FrozenConfig<C> {
  const options = withReplacements(schema, foreignOptions);
  checkConfig(className, schema, options);
  const defaults = defaultsOf(schema);
  const keys = Object.keys(defaults) as (keyof C & string)[];
  const used = keys.filter((key) => options[key] === undefined);
  const values = Object.fromEntries(
    keys.map((key) => [key, options[key] === undefined ? defaults[key] : options[key]]),
  );
  const config = {
    ...structuredClone(values),
    ...(used.length > 0 ? { _use_default_values: used } : {}),
    _class_name: className,
    _diffusers_version: DIFFUSERS_VERSION,
    ...structuredClone({ ...hidden }),
  };
  const source = given as Record<string, unknown>;
  const fromFile = (key: string) =>
    FLOATS in given && source[key] !== undefined && source[key] === options[key as keyof C];
  const floats = [
    ...[...floatsOf(given)].filter((path) => {
      const key = path.split("/", 1)[0]!;
      return key in hidden || fromFile(key);
    }),
    ...keys.filter((key) => optionOf(schema[key]).isFloat && !fromFile(key)),
  ];
  return deepFreeze(withFloats(config, floats)) as unknown as FrozenConfig<C>;
}

/**
 * Reads the options of a class out of a config that may belong to another class: keys that the
 * source only had by default are dropped, the class's own keys are taken, the rest is hidden
 * (`ConfigMixin.extract_init_dict` of diffusers).
 */
export function adoptConfig<C extends object>(
  className: string,
  schema: ConfigSchema<C>,
  config: object,
  overrides: Partial<C> = {},
): FrozenConfig<C> {
  const source = config as Record<string, unknown>;
  const defaulted = (source["_use_default_values"] ?? []) as readonly string[];
  const dropped = [...defaulted, "_use_default_values"];
  const kept = Object.entries(source).filter(([key]) => !dropped.includes(key));
  const isOption = (key: string): boolean => Object.hasOwn(schema, key);
  const options = Object.fromEntries(kept.filter(([key]) => isOption(key)));
  const unknown = Object.keys(overrides).filter((key) => !isOption(key));
  if (unknown.length > 0) {
    throw new TypeError(noOption(`configure ${className}`, unknown, Object.keys(schema)));
  }
  const hidden = Object.fromEntries(
    kept.filter(([key]) => !isOption(key) && key !== "_class_name"),
  ) as JsonObject;
  const all = { ...options, ...overrides } as Partial<C>;
  return makeConfig(className, schema, all, hidden, config);
}

/**
 * What diffusers prints and saves of an object: its config with its own class name and the version
 * of now, whatever the file said.
 */
export function describeConfig(className: string, config: object): string {
  const current = { ...config, _class_name: className, _diffusers_version: DIFFUSERS_VERSION };
  return dumpConfig(withFloats(current, floatsOf(config))) + "\n";
}

/** Writes a config as Python's `json.dumps(config, indent=2, sort_keys=True)` does. */
export function dumpConfig(config: object): string {
  const { _use_default_values: _, ...shown } = config as Record<string, unknown>;
  return dumpPythonJson(shown, floatsOf(config));
}
