import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { fromFailure, ServeError, toFailure, toServeError, withoutPaths } from "./errors.ts";

describe("toServeError()", () => {
  it("tells of wrong arguments what the SDK says, of everything else only that it happened", () => {
    const codeOf = (error: unknown) => toServeError(error).code;
    assertEquals(codeOf(new RangeError("Cannot plan 0 steps: give more")), "invalid_input");
    assertEquals(codeOf(new DenoiseError("nan_output", "NaN")), "nan_output");
    assertEquals(codeOf(new DenoiseError("out_of_memory", "CUDA failure 2")), "out_of_memory");
    assertEquals(codeOf(new DenoiseError("missing_file", "no /x/y")), "internal");
    assertEquals(codeOf(new TypeError("Cannot read properties of undefined")), "internal");
    assertEquals(codeOf("text"), "internal");
    const own = new ServeError("gone", "gone");
    assertEquals(toServeError(own), own);
  });
});

describe("withoutPaths()", () => {
  it("cuts absolute paths to their last part, and leaves other text", () => {
    assertEquals(
      withoutPaths('No file named a.json found in /models/tiny/unet; at "file:///x/y/z.ts"'),
      'No file named a.json found in unet; at "z.ts"',
    );
    const text = "width and height: 64x64, 1/2, http://example.com/a/b, owner/name";
    assertEquals(withoutPaths(text), text);
  });
});

describe("toFailure()", () => {
  it("is undone by fromFailure()", () => {
    const { code, message, field } = fromFailure(
      toFailure(new ServeError("invalid_input", "wrong", { field: "n" })),
    );
    assertEquals([code, message, field], ["invalid_input", "wrong", "n"]);
    assertEquals(fromFailure({ code: "other", message: "x" }).code, "internal");
  });
});
