/**
 * Stand-in for `@std/testing/mock`: spies and stubs.
 *
 * @module
 */
// deno-lint-ignore no-import-prefix -- served as is, without the import map
import { assertEquals, AssertionError, assertIsError } from "jsr:@std/assert@^1.0.0";

// deno-lint-ignore no-explicit-any
type Any = any;
type Fn = (...args: Any[]) => Any;

/** One recorded call. */
export interface SpyCall {
  /** The arguments. */
  args: Any[];
  /** What it returned. */
  returned?: Any;
  /** What it threw. */
  error?: Any;
  /** Its `this`. */
  self?: Any;
}

/** A function that records its calls. */
export interface Spy<F extends Fn = Fn> {
  /** Calls the original. */
  (...args: Parameters<F>): ReturnType<F>;
  /** The calls, in order. */
  calls: SpyCall[];
  /** The function behind the spy. */
  original: Fn;
  /** Whether the method was put back. */
  restored: boolean;
  /** Puts the method back. */
  restore(): void;
  /** Puts the method back at the end of a `using` block. */
  [Symbol.dispose](): void;
}

/** A spy with another function in the place of the original. */
export type Stub<F extends Fn = Fn> = Spy<F> & { fake: Fn };

/** Makes a spy: of nothing, of a function, or of a method of an object. */
export function spy(): Spy;
/** Makes a spy of a function. */
export function spy<F extends Fn>(fn: F): Spy<F>;
/** Makes a spy of a method. */
export function spy<T extends object, K extends keyof T>(self: T, method: K): Spy<MethodOf<T, K>>;
export function spy(target?: object, method?: PropertyKey): Spy {
  if (target === undefined) return record(() => undefined, noRestore);
  if (method === undefined) return record(target as Fn, noRestore);
  return replace(target, method, Reflect.get(target, method));
}

/** The type of a method. */
export type MethodOf<T, K extends keyof T> = T[K] extends Fn ? T[K] : never;

/** Puts a function in the place of a method; without one, a function that returns `undefined`. */
export function stub<T extends object, K extends keyof T>(
  self: T,
  method: K,
  fake: Fn = () => undefined,
): Stub<MethodOf<T, K>> {
  return Object.assign(replace(self, method, fake), { fake }) as Stub<MethodOf<T, K>>;
}

function replace(target: object, method: PropertyKey, fn: Fn): Spy {
  const original = Reflect.get(target, method);
  if (typeof original !== "function") {
    throw new TypeError(`Cannot spy: "${String(method)}" is not a method`);
  }
  if ("calls" in original) throw new TypeError(`Cannot spy: "${String(method)}" is a spy already`);
  const own = Object.getOwnPropertyDescriptor(target, method);
  const made = record(fn, () => {
    if (own) Object.defineProperty(target, method, own);
    else Reflect.deleteProperty(target, method);
  });
  made.original = original;
  Object.defineProperty(target, method, {
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
    value: made,
  });
  return made;
}

function record(fn: Fn, putBack: () => void): Spy {
  const calls: SpyCall[] = [];
  const spied = function (this: unknown, ...args: Any[]): Any {
    const call: SpyCall = { args };
    if (this !== undefined) call.self = this;
    calls.push(call);
    try {
      return call.returned = fn.apply(this, args);
    } catch (error) {
      call.error = error;
      throw error;
    }
  };
  const restore = () => {
    if (made.restored) throw new TypeError("Cannot restore: the method was restored already");
    putBack();
    made.restored = true;
  };
  const made: Spy = Object.assign(spied, {
    calls,
    original: fn,
    restored: false,
    restore,
    [Symbol.dispose]: () => {
      if (!made.restored) restore();
    },
  });
  return made;
}

function noRestore(): void {
  throw new TypeError("Cannot restore: the spy is of a function, not of a method");
}

/** Asserts how often a spy was called. */
export function assertSpyCalls(spied: Spy<Any>, expectedCalls: number): void {
  if (spied.calls.length !== expectedCalls) {
    throw new AssertionError(
      `Spy ${
        spied.calls.length < expectedCalls ? "not called as much as" : "called more than"
      } expected: found ${spied.calls.length} calls, expected ${expectedCalls}`,
    );
  }
}

/** What a recorded call is compared with. */
export interface ExpectedSpyCall {
  /** The arguments. */
  args?: Any[];
  /** What it returned. */
  returned?: Any;
  /** Its `this`. */
  self?: Any;
  /** What it threw. */
  error?: { Class?: new (...args: Any[]) => Error; msgIncludes?: string };
}

/** Asserts what a call was, in what `expected` names. */
export function assertSpyCall(
  spied: Spy<Any>,
  callIndex: number,
  expected: ExpectedSpyCall = {},
): void {
  const call = callAt(spied, callIndex);
  if (expected.args) assertEquals(call.args, expected.args);
  if ("self" in expected) assertEquals(call.self, expected.self);
  if ("returned" in expected) assertEquals(call.returned, expected.returned);
  if (expected.error) {
    assertIsError(call.error, expected.error.Class, expected.error.msgIncludes);
  }
}

/** Asserts the arguments of a call. */
export function assertSpyCallArgs(spied: Spy<Any>, callIndex: number, expected: Any[]): void {
  assertEquals(callAt(spied, callIndex).args, expected);
}

/** Asserts one argument of a call. */
export function assertSpyCallArg(
  spied: Spy<Any>,
  callIndex: number,
  argIndex: number,
  expected: unknown,
): void {
  assertEquals(callAt(spied, callIndex).args[argIndex], expected);
}

function callAt(spied: Spy<Any>, index: number): SpyCall {
  const call = spied.calls[index];
  if (!call) {
    throw new AssertionError(`Spy not called as much as expected: it has no call ${index}`);
  }
  return call;
}

/** A function that returns, or throws where it is an error, the next of the values. */
export function returnsNext<T>(values: Iterable<T | Error>): () => T {
  const rest = values[Symbol.iterator]();
  return () => {
    const next = rest.next();
    if (next.done) throw new AssertionError("Cannot return: the values are used up");
    if (next.value instanceof Error) throw next.value;
    return next.value;
  };
}

/** The same with promises. */
export function resolvesNext<T>(values: Iterable<T | Error>): () => Promise<T> {
  const next = returnsNext(values);
  // deno-lint-ignore require-await
  return async () => next();
}
