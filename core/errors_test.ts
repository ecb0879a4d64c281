import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { DenoiseError } from "./errors.ts";

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
