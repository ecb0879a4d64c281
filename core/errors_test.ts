import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { DenoiseError, throwIfAborted } from "./errors.ts";

describe("DenoiseError", () => {
  it("carries a code, a message, a cause and its own name", () => {
    const cause = new Error("disk");
    const error = new DenoiseError("missing_file", "Cannot load it", { cause });
    assertInstanceOf(error, Error);
    assertEquals([error.code, error.message, error.name], [
      "missing_file",
      "Cannot load it",
      "DenoiseError",
    ]);
    assertEquals(error.cause, cause);
    assertEquals(String(error), "DenoiseError: Cannot load it");
  });
});

describe("throwIfAborted()", () => {
  it("does nothing without a signal or before it fires", () => {
    throwIfAborted(undefined, "a test");
    throwIfAborted(new AbortController().signal, "a test");
  });

  it("throws aborted with the reason as its cause", () => {
    const signal = AbortSignal.abort("enough");
    const error = assertThrows(() => throwIfAborted(signal, "the run"), DenoiseError, "the run");
    assertEquals((error as DenoiseError).code, "aborted");
    assertEquals((error as DenoiseError).cause, "enough");
  });
});
