/**
 * What this project relies on in `@std/assert`; runs on the real package where it can be reached,
 * else on the stand-in.
 */
import { describe, it } from "@std/testing/bdd";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertExists,
  assertInstanceOf,
  AssertionError,
  assertIsError,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";

const cyclic = (value: number) => {
  const list: unknown[] = [value];
  list.push(list);
  return list;
};

const equals: [title: string, a: unknown, b: unknown][] = [
  ["NaN", NaN, NaN],
  ["nested objects with keys in another order", { a: [1, { b: 2 }], c: 3 }, {
    c: 3,
    a: [1, { b: 2 }],
  }],
  ["typed arrays", new Float32Array([1, NaN]), new Float32Array([1, NaN])],
  ["sets in another order", new Set([{ a: 1 }, 2]), new Set([2, { a: 1 }])],
  ["maps", new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
  ["dates", new Date(5), new Date(5)],
  ["patterns", /a/g, /a/g],
  ["errors", new TypeError("a"), new TypeError("a")],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["cyclic values", cyclic(1), cyclic(1)],
];

const differs: [title: string, a: unknown, b: unknown][] = [
  ["numbers and strings", 1, "1"],
  ["a missing key", { a: 1 }, { a: 1, b: 1 }],
  ["kinds of typed arrays", new Float32Array([1]), new Float64Array([1])],
  ["elements", new Float32Array([1, 2]), new Float32Array([1, 3])],
  ["lengths", [1, 2], [1, 2, 3]],
  ["members", new Set([1, 2]), new Set([1, 3])],
  ["messages", new Error("a"), new Error("b")],
  ["null and an object", null, {}],
  ["classes", new (class A {})(), new (class B {})()],
  ["dates", new Date(5), new Date(6)],
];

describe("equal()", () => {
  for (const [title, a, b] of equals) it(`holds for ${title}`, () => assert(equal(a, b)));
  for (const [title, a, b] of differs) {
    it(`tells ${title} apart`, () => assert(!equal(a, b) && !equal(b, a)));
  }
});

describe("assertEquals()", () => {
  it("shows both values and the note", () => {
    const { message } = assertThrows(
      () => assertEquals({ a: 1, b: 2 }, { a: 1, b: 3 }, "a note"),
      AssertionError,
    );
    for (const part of ["a note", "b: 2", "b: 3"]) assertStringIncludes(message, part);
  });
});

describe("assertThrows()", () => {
  it("returns the error", () => {
    const error = assertThrows(
      () => {
        throw new RangeError("out of range");
      },
      RangeError,
      "of range",
    );
    assertStrictEquals(error.message, "out of range");
  });

  it("fails where nothing is thrown, or something else", () => {
    const throwing = () => {
      throw new RangeError("out of range");
    };
    for (
      const wrong of [
        () => assertThrows(() => 1),
        () => assertThrows(throwing, TypeError),
        () => assertThrows(throwing, RangeError, "other text"),
      ]
    ) {
      assertThrows(wrong, AssertionError);
    }
  });
});

describe("assertRejects()", () => {
  it("resolves to the error", async () => {
    const error = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
    assertInstanceOf(error, TypeError);
  });

  it("fails where the promise is fulfilled, or the function throws at once", async () => {
    const fulfilled = () => assertRejects(() => Promise.resolve(1));
    const throwing = () =>
      assertRejects(() => {
        throw new Error("at once");
      });
    await assertRejects(fulfilled, AssertionError);
    await assertRejects(throwing, AssertionError);
  });
});

describe("assertAlmostEquals()", () => {
  it("takes a tolerance, or 1e-7 of the expected number", () => {
    assertAlmostEquals(1, 1.05, 0.1);
    assertAlmostEquals(1e6 + 0.01, 1e6);
    assertThrows(() => assertAlmostEquals(1, 1.05, 0.01), AssertionError);
    assertThrows(() => assertAlmostEquals(1 + 1e-6, 1), AssertionError);
    assertThrows(() => assertAlmostEquals(NaN, 1, 1), AssertionError);
  });
});

describe("assertObjectMatch()", () => {
  it("compares what is expected, at every depth", () => {
    const actual = { a: { b: 1, c: [1, { d: 2, e: 3 }] }, f: 4 };
    assertObjectMatch(actual, { a: { b: 1, c: [1, { d: 2 }] } });
    assertThrows(() => assertObjectMatch(actual, { a: { b: 2 } }), AssertionError);
    assertThrows(() => assertObjectMatch(actual, { g: undefined }), AssertionError);
  });
});

describe("the other assertions", () => {
  it("fail where they should", () => {
    for (
      const wrong of [
        () => assert(0),
        () => assertExists(null),
        () => assertInstanceOf({}, Map),
        () => assertIsError(new Error("a"), TypeError),
        () => assertMatch("abc", /d/),
        () => assertNotEquals([1], [1]),
        () => assertStrictEquals({}, {}),
        () => assertStringIncludes("abc", "d"),
      ]
    ) {
      assertThrows(wrong, AssertionError);
    }
  });
});
