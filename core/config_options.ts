/** The JSON type of a config value. */
export type ConfigType =
  | "number"
  | "boolean"
  | "string"
  | "number[]"
  | "boolean[]"
  | "string[]"
  | "object"
  | "any";

/**
 * An option of a config: its default and what else it may be. Made by {@linkcode oneOf},
 * {@linkcode float}, {@linkcode maybe} and the like. Every option takes `null` too, as configs of
 * diffusers hold it for many an option without a meaning.
 */
export interface ConfigOption<in out T> {
  /** The reference's default. */
  readonly fallback: T;
  /** What a value may be; one of these. */
  readonly types: readonly ConfigType[];
  /** The allowed values, where there are only a few. */
  readonly choices?: readonly T[] | undefined;
  /** Whether the reference holds it as a float, so that 1 prints as `1.0`. */
  readonly isFloat?: boolean | undefined;
  /** Values of sibling classes that become another value here. */
  readonly replaces?: { readonly [foreign: string]: T } | undefined;
}

/** Makes an option from its default. */
export type OptionMaker<T> = (fallback: T) => ConfigOption<T>;

/** Defaults that tell by themselves what else an option may be: no words of a few, no null. */
export type PlainOption<T> = T extends boolean | readonly unknown[] ? T
  : T extends number ? (number extends T ? T : never)
  : T extends string ? (string extends T ? T : never)
  : never;

/**
 * The options of a config class, one entry each: a number, flag, text or list as it stands in the
 * reference's signature, which is the default and says by its type what else there may be, or a
 * {@linkcode ConfigOption}.
 *
 * @example
 * ```ts
 * import { type ConfigSchema, float, maybe, oneOf } from "@denoise/core";
 *
 * interface MyConfig {
 *   readonly num_train_timesteps: number;
 *   readonly beta_start: number;
 *   readonly prediction_type: "epsilon" | "v_prediction";
 *   readonly sigma_min: number | null;
 * }
 *
 * const schema: ConfigSchema<MyConfig> = {
 *   num_train_timesteps: 1000,
 *   beta_start: float(0.0001),
 *   prediction_type: oneOf("epsilon", "v_prediction"),
 *   sigma_min: maybe(float),
 * };
 * console.log(schema);
 * ```
 */
export type ConfigSchema<C extends object> = {
  readonly [K in keyof C]:
    | ConfigOption<Exclude<C[K], undefined>>
    | PlainOption<NoInfer<Exclude<C[K], undefined>>>;
};

/** One of a few values, the first of which is the default. */
export function oneOf<const T extends string | number | boolean | null>(
  fallback: T,
  ...others: readonly T[]
): ConfigOption<T> {
  const choices = [fallback, ...others];
  const types = new Set(choices.filter((choice) => choice !== null).map(jsonType));
  return { fallback, types: types.size === 0 ? ["any"] : [...types], choices };
}

/** A number that the reference holds as a float, so that 1 prints as `1.0`. */
export function float(fallback: number): ConfigOption<number> {
  return { fallback, types: ["number"], isFloat: true };
}

/** A number that prints as it is. */
export function number(fallback: number): ConfigOption<number> {
  return { fallback, types: ["number"] };
}

/** A text. */
export function string(fallback: string): ConfigOption<string> {
  return { fallback, types: ["string"] };
}

/** True or false. */
export function boolean(fallback: boolean): ConfigOption<boolean> {
  return { fallback, types: ["boolean"] };
}

/** A list of numbers. */
export function numbers(fallback: readonly number[]): ConfigOption<readonly number[]> {
  return { fallback, types: ["number[]"] };
}

/** A list of flags. */
export function booleans(fallback: readonly boolean[]): ConfigOption<readonly boolean[]> {
  return { fallback, types: ["boolean[]"] };
}

/** A JSON object. */
export function record<T extends object>(fallback: T): ConfigOption<T> {
  return { fallback, types: ["object"] };
}

/** A value of any kind, which is checked by whoever reads it. */
export function anything<T>(fallback: NoInfer<T>): ConfigOption<T> {
  return { fallback, types: ["any"] };
}

/** An option that may be null, which is the default unless another is given. */
export function maybe<T>(of: OptionMaker<T>, fallback?: T): ConfigOption<T | null> {
  const { types, isFloat } = of(fallback as T);
  return { fallback: fallback ?? null, types, isFloat };
}

/** Makes options that are one thing or another, such as a number for all levels or one for each. */
export function either<A, B>(first: OptionMaker<A>, second: OptionMaker<B>): OptionMaker<A | B> {
  return (fallback) => {
    const options = [first(fallback as A), second(fallback as B)];
    return {
      fallback,
      types: options.flatMap(({ types }) => types),
      isFloat: options.some(({ isFloat }) => isFloat),
    };
  };
}

/** The option with values of sibling classes, such as a solver's name, that become another here. */
export function replacing<T>(
  option: ConfigOption<T>,
  replaces: { readonly [foreign: string]: NoInfer<T> },
): ConfigOption<T> {
  return { ...option, replaces };
}

/** An entry of a schema as an option. */
export function optionOf(entry: unknown): ConfigOption<unknown> {
  return isOption(entry) ? entry : { fallback: entry, types: [jsonType(entry)] };
}

/** The defaults of a schema. */
export function defaultsOf<C extends object>(schema: ConfigSchema<C>): C {
  const entries = Object.entries(schema).map(([key, entry]) => [key, optionOf(entry).fallback]);
  return Object.fromEntries(entries);
}

function isOption(entry: unknown): entry is ConfigOption<unknown> {
  return typeof entry === "object" && entry !== null && !Array.isArray(entry);
}

function jsonType(value: unknown): ConfigType {
  if (Array.isArray(value)) {
    return value.length === 0 ? "number[]" : `${typeof value[0]}[]` as ConfigType;
  }
  return typeof value as ConfigType;
}
