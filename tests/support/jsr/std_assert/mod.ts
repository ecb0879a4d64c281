/**
 * Stand-in for the functions of `@std/assert`, used where the JSR registry cannot be reached.
 * Same names, arguments and meaning; messages are shorter.
 *
 * @module
 */
import { equal } from "./equal.ts";

export { equal };

// deno-lint-ignore no-explicit-any
type Constructor<T = unknown> = abstract new (...args: any[]) => T;

/** What every failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws always. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg) || "."}`);
}

/** Marks a place that a test must not reach. */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg) || "."}`);
}

/** Marks what is not there yet. */
export function unimplemented(msg?: string): never {
  throw new AssertionError(`Unimplemented${suffix(msg) || "."}`);
}

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that a value is falsy. */
export function assertFalse(expr: unknown, msg?: string): asserts expr is false {
  if (expr) throwError(`Expected a falsy value, got ${show(expr)}`, msg);
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    throwError(`Expected actual: "${actual}" to not be null or undefined`, msg);
  }
}

/** Asserts structural equality. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) {
    throwError(`Values are not equal${suffix(msg)}\n\n${difference(actual, expected)}`);
  }
}

/** Asserts that two values differ structurally. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) {
    throwError(`Expected actual: ${show(actual)} not to be: ${show(expected)}`, msg);
  }
}

/** Asserts identity (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const why = equal(actual, expected)
    ? "Values have the same structure but are not reference-equal"
    : "Values are not strictly equal";
  throwError(`${why}${suffix(msg)}\n\n${difference(actual, expected)}`);
}

/** Asserts that two values are not identical. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) {
    throwError(`Expected "actual" to not be strictly equal to: ${show(actual)}`, msg);
  }
}

/** Asserts that two numbers are close; the tolerance is 1e-7 relative to `expected` by default. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const delta = Math.abs(expected - actual);
  const allowed = tolerance ?? (isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (delta <= allowed) return;
  throwError(
    `Expected actual: "${actual}" to be close to "${expected}": delta "${delta.toExponential()}" is greater than "${allowed.toExponential()}"`,
    msg,
  );
}

/** Asserts `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throwError(`Expect ${show(actual)} > ${show(expected)}`, msg);
}

/** Asserts `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throwError(`Expect ${show(actual)} >= ${show(expected)}`, msg);
}

/** Asserts `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throwError(`Expect ${show(actual)} < ${show(expected)}`, msg);
}

/** Asserts `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throwError(`Expect ${show(actual)} <= ${show(expected)}`, msg);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    throwError(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
  }
}

/** Asserts that an array contains every value of another. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const missing = Array.from(expected).filter((value) =>
    !Array.from(actual).some((other) => equal(value, other))
  );
  if (missing.length) {
    throwError(`Expected actual: "${show(actual)}" to include: missing ${show(missing)}`, msg);
  }
}

/** Asserts that a string matches a pattern. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (actual.search(expected) < 0) {
    throwError(`Expected actual: "${actual}" to match: "${expected}"`, msg);
  }
}

/** Asserts that a string does not match a pattern. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (actual.search(expected) >= 0) {
    throwError(`Expected actual: "${actual}" to not match: "${expected}"`, msg);
  }
}

/** Asserts that an object holds at least what `expected` holds, at every depth. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (!contains(actual, expected)) {
    throwError(`Values are not equal${suffix(msg)}\n\n${difference(actual, expected)}`);
  }
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Constructor<T>,
  msg?: string,
): asserts actual is T {
  if (!(actual instanceof expectedType)) {
    throwError(
      `Expected object to be an instance of "${expectedType.name}": got ${kindOf(actual)}`,
      msg,
    );
  }
}

/** Asserts that a value is not an instance of a class. */
export function assertNotInstanceOf<A, T>(
  actual: A,
  unexpectedType: Constructor<T>,
  msg?: string,
): asserts actual is Exclude<A, T> {
  if (actual instanceof unexpectedType) {
    throwError(`Expected object to not be an instance of "${unexpectedType.name}"`, msg);
  }
}

/** Asserts that a value is an error, of a class and with a message where these are given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Constructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) {
    throwError(`Expected "error" to be an Error object: got ${kindOf(error)}`, msg);
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throwError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor.name}": ${error.message}`,
      msg,
    );
  }
  const text = error.message;
  if (typeof msgMatches === "string" && !text.includes(msgMatches)) {
    throwError(`Expected error message to include "${msgMatches}", but got "${text}"`, msg);
  }
  if (msgMatches instanceof RegExp && !msgMatches.test(text)) {
    throwError(`Expected error message to match ${msgMatches}, but got "${text}"`, msg);
  }
}

/** Asserts that a function throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an error of a class with a part of a message. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: Constructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checkThrown(error, classOrMsg, msgIncludes, msg);
  }
  throwError("Expected function to throw", typeof classOrMsg === "string" ? classOrMsg : msg);
}

/** Asserts that a promise is rejected; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts that a promise is rejected with an error of a class with a part of a message. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Constructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throwError(`Function throws when expected to reject: ${show(error)}`, note);
  }
  if (typeof promise?.then !== "function") {
    throwError("Expected function to return a promise", note);
  }
  try {
    await promise;
  } catch (error) {
    return checkThrown(error, classOrMsg, msgIncludes, msg);
  }
  throwError("Expected function to reject", note);
}

function checkThrown(
  error: unknown,
  classOrMsg: Constructor<Error> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): unknown {
  if (typeof classOrMsg === "function") assertIsError(error, classOrMsg, msgIncludes, msg);
  return error;
}

function contains(actual: unknown, expected: unknown): boolean {
  if (!isPlain(actual) || !isPlain(expected)) return equal(actual, expected);
  return Reflect.ownKeys(expected).every((key) =>
    key in actual && contains(Reflect.get(actual, key), Reflect.get(expected, key))
  );
}

function isPlain(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null &&
    (Array.isArray(value) || !(Symbol.iterator in value)) && !(value instanceof Date) &&
    !(value instanceof RegExp);
}

function throwError(message: string, msg?: string): never {
  throw new AssertionError(message + suffix(msg));
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : "";
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? `"${value.constructor?.name ?? "Object"}"` : typeof value;
}

function show(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: 1000,
    strAbbreviateSize: Infinity,
  });
}

/** The lines that differ, `-` for what was found and `+` for what was expected, as std prints. */
function difference(actual: unknown, expected: unknown): string {
  const [a, b] = [show(actual).split("\n"), show(expected).split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)
  ) tail++;
  const context = (from: number, to: number) => a.slice(from, to).map((line) => `    ${line}`);
  return [
    "    [Diff] Actual / Expected",
    "",
    ...context(Math.max(0, head - 3), head),
    ...a.slice(head, a.length - tail).map((line) => `-   ${line}`),
    ...b.slice(head, b.length - tail).map((line) => `+   ${line}`),
    ...context(a.length - tail, Math.min(a.length, a.length - tail + 3)),
  ].join("\n");
}
