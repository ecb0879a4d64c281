import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";

describe("describe()", () => {
  const log: string[] = [];
  beforeAll(() => void log.push("all"));
  beforeEach(() => void log.push("each"));
  afterEach(() => void log.push("after"));
  afterAll(() => assertEquals(log.at(-1), "after"));

  it("runs beforeAll() once and beforeEach() before each case", () => {
    assertEquals(log, ["all", "each"]);
  });
  describe("nested", () => {
    beforeEach(() => void log.push("inner"));
    it("runs the outer hooks first", () => {
      assertEquals(log, ["all", "each", "after", "each", "inner"]);
    });
  });
  it.skip("does not run a skipped case", () => {
    throw new Error("ran");
  });
});
