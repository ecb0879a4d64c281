import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { keyCheck } from "./auth.ts";
import { withoutGuesses } from "./guesses.ts";
import type { ServeError } from "../contract/errors.ts";

describe("withoutGuesses()", () => {
  const keys = [{ name: "ann", key: "key-of-ann" }, { name: "bob", key: "key-of-bob" }];
  let time = 0;
  const ownerOf = withoutGuesses(keyCheck(keys), () => time);
  const ask = (key: string, address: string) => {
    try {
      return ownerOf(`Bearer ${key}`, address);
    } catch (error) {
      return (error as ServeError).code;
    }
  };

  it("looks at 30 wrong keys a minute from an address, and at those that were right there", () => {
    assertEquals(ask("key-of-ann", "10.0.0.1"), "ann");
    const answers = Array.from({ length: 100 }, (_, i) => ask(`guess-${i}`, "10.0.0.1"));
    assertEquals(answers, [
      ...Array<string>(30).fill("unauthorized"),
      ...Array<string>(70).fill("rate_limited"),
    ]);
    assertEquals(
      ask("key-of-bob", "10.0.0.1"),
      "rate_limited",
      "a right guess looks like a wrong one",
    );
    assertEquals(ask("key-of-ann", "10.0.0.1"), "ann");
    assertEquals(ask("key-of-bob", "10.0.0.2"), "bob");
  });

  it("looks again when time has passed", () => {
    time += 2000; // the place of one guess
    assertEquals([1, 2].map((i) => ask(`more-${i}`, "10.0.0.1")), ["unauthorized", "rate_limited"]);
  });
});
