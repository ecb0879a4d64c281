/**
 * What a door does with each field that its clients may send: it does what the field says, or leaves it
 * aside and says so, or refuses it. Nothing is dropped silently.
 *
 * @module
 */
import { invalid } from "../contract/errors.ts";

/** What is done with a field. */
export type FieldRule =
  /** What it says is done. */
  | "done"
  /** It is left aside, for a reason that goes into the answer. */
  | { readonly ignored: string; readonly plain?: readonly unknown[] }
  /** It is refused, for a reason that goes into the answer. */
  | { readonly refused: string; readonly plain?: readonly unknown[] };

/** What is done with every field of an object, by its name. */
export type FieldRules = Readonly<Record<string, FieldRule>>;

/** A field that is left aside; `plain` are values that ask for nothing else than what is done. */
export function ignored(reason: string, ...plain: readonly unknown[]): FieldRule {
  return { ignored: reason, plain };
}

/** A field that is refused; `plain` are the values that are not. */
export function refused(reason: string, ...plain: readonly unknown[]): FieldRule {
  return { refused: reason, plain };
}

/** Fields that are done, as rules. */
export function done(...names: readonly string[]): FieldRules {
  return Object.fromEntries(names.map((name) => [name, "done"]));
}

/** Unknown fields that are named at most. */
const MAX_NAMED = 20;
/** Characters of a name that are shown at most. */
const MAX_NAME = 100;

/** What of some fields nothing is done with. */
export interface LeftAside {
  /** A warning for each that has a rule and is left aside. */
  readonly warnings: readonly string[];
  /** Those that have no rule, by their paths. */
  readonly others: Readonly<Record<string, unknown>>;
}

/**
 * Looks at the fields that nothing is done with.
 *
 * @param fields As the caller sent them.
 * @param prefix What stands before their names in messages, such as `"input"`.
 * @throws {ServeError} `invalid_input` for the first that is refused.
 */
export function leftAside(fields: unknown, rules: FieldRules, prefix = ""): LeftAside {
  const warnings: string[] = [];
  const others: [string, unknown][] = [];
  if (typeof fields !== "object" || fields === null) return { warnings, others: {} };
  for (const [name, value] of Object.entries(fields)) {
    if (isNothing(value)) continue;
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const rule = Object.hasOwn(rules, name) ? rules[name]! : undefined;
    if (rule === undefined) others.push([path, value]);
    else if (rule !== "done" && !rule.plain?.includes(value as never)) {
      if ("refused" in rule) throw invalid(path, refusalOf(path, rule));
      warnings.push(`${path} was ignored: ${rule.ignored}`);
    }
  }
  return { warnings, others: Object.fromEntries(others) };
}

/** The same where those that have no rule mean nothing: a warning for each. */
export function settleFields(fields: unknown, rules: FieldRules, prefix = ""): string[] {
  const { warnings, others } = leftAside(fields, rules, prefix);
  return [...warnings, ...unknownFields(Object.keys(others))];
}

/** The warning about fields that nothing here has; none where there are none. */
export function unknownFields(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  const rest = paths.length - MAX_NAMED;
  const named = paths.slice(0, MAX_NAMED).map((path) => path.slice(0, MAX_NAME)).join(", ");
  if (paths.length === 1) return [`${named} was ignored: there is no such field`];
  const more = rest > 0 ? ` and ${rest} more` : "";
  return [`${named}${more} were ignored: there are no such fields`];
}

function refusalOf(
  path: string,
  { refused, plain = [] }: { readonly refused: string; readonly plain?: readonly unknown[] },
): string {
  const values = plain.map((value) => JSON.stringify(value)).join(" or ");
  return `${path} must be ${values === "" ? "" : `${values} or `}left out: ${refused}`;
}

/** Absent in one of the ways in which clients write that. */
function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (value instanceof Uint8Array) return value.length === 0; // it has a key for each byte
  return typeof value === "object" && Object.keys(value).length === 0;
}
