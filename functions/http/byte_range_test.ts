import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { byteRange } from "./byte_range.ts";

describe("byteRange()", () => {
  it("reads what RFC 9110 allows of one range of bytes", () => {
    const cases: [string | undefined, ReturnType<typeof byteRange>][] = [
      ["bytes=0-", { start: 0, end: 10 }],
      ["bytes=0-1", { start: 0, end: 2 }],
      ["bytes=3-99", { start: 3, end: 10 }],
      ["bytes=-4", { start: 6, end: 10 }],
      ["bytes=-40", { start: 0, end: 10 }],
      ["bytes=9-9", { start: 9, end: 10 }],
      ["bytes=10-", "unsatisfiable"],
      ["bytes=-0", "unsatisfiable"],
      // the whole file
      [undefined, undefined],
      ["bytes=-", undefined],
      ["bytes=5-4", undefined],
      ["bytes=0-1,3-4", undefined],
      ["items=0-1", undefined],
      ["bytes=a-b", undefined],
    ];
    for (const [header, expected] of cases) assertEquals(byteRange(header, 10), expected, header);
    assertEquals(byteRange("bytes=0-", 0), "unsatisfiable");
  });
});
