import { dumpPythonJson, type FloatPaths, parsePythonJson } from "./_python_json.ts";
import { DenoiseError } from "./errors.ts";
import { DIFFUSERS_VERSION } from "./version.ts";

/** A value that stands in a JSON file. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/** A JSON object: the content of config.json, scheduler_config.json or model_index.json. */
export type JsonObject = { readonly [key: string]: Json };

/** The JSON type of a config value. */
export type ConfigType =
  | "number"
  | "boolean"
  | "string"
  | "number[]"
  | "string[]"
  | "object"
  | "any";

/** What the options of a config class are: names in signature order, defaults, allowed values. */
export interface ConfigSchema<C extends object> {
  /** Every option with the reference's default, in the order of its signature. */
  readonly defaults: C;
  /** The allowed values of options that name one of a few things. */
  readonly choices?: { readonly [K in keyof C]?: readonly C[K][] };
  /** Types of options whose default does not tell (`null`), or that take several. */
  readonly types?: { readonly [K in keyof C]?: ConfigType | readonly ConfigType[] };
  /** Options whose default is a Python float, so that 1 prints as `1.0`. */
  readonly floats?: readonly (keyof C)[];
  /** Values of sibling classes that become another value here, such as a solver's name. */
  readonly replaces?: { readonly [K in keyof C]?: { readonly [foreign: string]: C[K] } };
}

/**
 * A deeply frozen config: the options of the class, then keys of sibling classes that were carried
 * along, then `_class_name`, `_diffusers_version` and `_use_default_values`. Writing to it throws.
 */
export type FrozenConfig<C extends object = JsonObject> =
  & { readonly [K in keyof C]: C[K] }
  & { readonly [key: string]: unknown };

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
    throw new DenoiseError("invalid_config", `Cannot read ${file}: it is not valid JSON`, {
      cause,
    });
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
      return Array.isArray(value) && value.every((item) => typeof item === "number");
    case "string[]":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "number":
      return typeof value === "number" && !Number.isNaN(value);
    default:
      return typeOf(value) === type;
  }
}

function expectedTypes<C extends object>(schema: ConfigSchema<C>, key: keyof C): ConfigType[] {
  const declared = schema.types?.[key];
  if (declared !== undefined) return [declared].flat() as ConfigType[];
  const fallback = schema.defaults[key];
  if (fallback === null) return ["any"];
  if (Array.isArray(fallback)) {
    return [typeof fallback[0] === "string" ? "string[]" : "number[]"];
  }
  return [typeof fallback as ConfigType];
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
    if (value === null || value === undefined || !(key in schema.defaults)) continue;
    const types = expectedTypes(schema, key);
    if (!types.some((type) => hasType(value, type))) {
      throw new TypeError(
        `Cannot configure ${className}: ${key} must be ${types.join(" or ")}, ` +
          `but is ${JSON.stringify(value)} (${typeOf(value)})`,
      );
    }
    const choices = schema.choices?.[key];
    if (choices !== undefined && !choices.some((choice) => choice === value)) {
      throw new RangeError(
        `Cannot configure ${className}: ${key} must be one of ` +
          `${choices.map((choice) => JSON.stringify(choice)).join(", ")}, ` +
          `but is ${JSON.stringify(value)}`,
      );
    }
  }
}

/**
 * The value of an option without a default, which stands as null in the schema.
 *
 * @throws {TypeError} when it was not given.
 */
export function requiredOption<T>(className: string, name: string, value: T | null): T {
  if (value !== null) return value;
  throw new TypeError(`Cannot configure ${className}: ${name} has no default, give a value`);
}

/** Options with the values of sibling classes replaced by the class's own. */
function withReplacements<C extends object>(
  schema: ConfigSchema<C>,
  options: Partial<C>,
): Partial<C> {
  const replaced: Partial<C> = { ...options };
  for (const key of Object.keys(schema.replaces ?? {}) as (keyof C)[]) {
    const own = schema.replaces![key]?.[String(options[key])];
    if (own !== undefined) replaced[key] = own;
  }
  return replaced;
}

/**
 * Makes the frozen config of a class from the given options, filling in the defaults and noting
 * them in `_use_default_values` (as `register_to_config` of diffusers does).
 *
 * @param foreignOptions Values of options; those that `schema.replaces` names are replaced.
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
  const keys = Object.keys(schema.defaults) as (keyof C & string)[];
  const used = keys.filter((key) => options[key] === undefined);
  const values = Object.fromEntries(
    keys.map((key) => [key, options[key] === undefined ? schema.defaults[key] : options[key]]),
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
    ...((schema.floats ?? []) as readonly string[]).filter((key) => !fromFile(key)),
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
  const kept = Object.entries(source).filter(([key]) =>
    !defaulted.includes(key) && key !== "_use_default_values"
  );
  const isOption = (key: string): boolean => key in schema.defaults;
  const options = Object.fromEntries(kept.filter(([key]) => isOption(key)));
  const unknown = Object.keys(overrides).filter((key) => !isOption(key));
  if (unknown.length > 0) {
    throw new TypeError(
      `Cannot configure ${className}: it has no option ${unknown.join(", ")}; ` +
        `its options are ${Object.keys(schema.defaults).join(", ")}`,
    );
  }
  const hidden = Object.fromEntries(
    kept.filter(([key]) => !isOption(key) && key !== "_class_name"),
  ) as JsonObject;
  return makeConfig(
    className,
    schema,
    { ...options, ...overrides } as Partial<C>,
    hidden,
    config,
  );
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
