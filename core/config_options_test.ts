import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkConfig, describeConfig, type FrozenConfig, makeConfig } from "./config.ts";
import {
  anything,
  boolean,
  booleans,
  type ConfigSchema,
  defaultsOf,
  either,
  float,
  maybe,
  number,
  numbers,
  oneOf,
  record,
  replacing,
  string,
} from "./config_options.ts";

interface Options {
  readonly steps: number;
  readonly scale: number;
  readonly kind: "a" | "b" | null;
  readonly order: 1 | 2;
  readonly solver: "own" | "other";
  readonly limit: number | null;
  readonly sizes: number | readonly number[];
  readonly flags: boolean | readonly boolean[];
  readonly names: readonly string[];
  readonly inner: { readonly width: number };
  readonly free: string | readonly number[];
  readonly title?: string | undefined;
}

const schema: ConfigSchema<Options> = {
  steps: 10,
  scale: float(1),
  kind: oneOf("a", "b", null),
  order: oneOf(2, 1),
  solver: replacing(oneOf("own", "other"), { sibling: "other" }),
  limit: maybe(float),
  sizes: either(number, numbers)(4),
  flags: either(boolean, booleans)(false),
  names: ["x"],
  inner: record({ width: 3 }),
  free: anything("x"),
};

describe("ConfigSchema", () => {
  it("holds the defaults", () => {
    assertEquals(defaultsOf(schema), {
      steps: 10,
      scale: 1,
      kind: "a",
      order: 2,
      solver: "own",
      limit: null,
      sizes: 4,
      flags: false,
      names: ["x"],
      inner: { width: 3 },
      free: "x",
    });
  });

  it("says what values an option takes", () => {
    const fails = (values: object, error: typeof TypeError | typeof RangeError, text: string) =>
      assertThrows(() => checkConfig("Thing", schema, values), error, text);
    fails({ steps: "1" }, TypeError, "steps must be number");
    fails({ kind: "c" }, RangeError, 'kind must be one of "a", "b", null, but is "c"');
    fails({ kind: 1 }, TypeError, "kind must be string");
    fails({ order: 3 }, RangeError, "order must be one of 2, 1, but is 3");
    fails({ limit: "1" }, TypeError, "limit must be number");
    fails({ sizes: ["1"] }, TypeError, "sizes must be number or number[]");
    fails({ flags: [1] }, TypeError, "flags must be boolean or boolean[]");
    fails({ names: [1] }, TypeError, "names must be string[]");
    fails({ inner: [1] }, TypeError, "inner must be object");
    checkConfig("Thing", schema, {
      sizes: [1, 2],
      flags: [true],
      free: [1],
      kind: null,
      steps: null,
    } as object);
  });

  it("prints floats as Python does, and replaces the words of siblings", () => {
    const options: object = { scale: 2, limit: 3, steps: 4, solver: "sibling" };
    const config = makeConfig("Thing", schema, options);
    assertEquals(config.solver, "other");
    const printed = describeConfig("Thing", config);
    for (const line of ['"scale": 2.0', '"limit": 3.0', '"steps": 4']) {
      assertEquals(printed.includes(`  ${line}`), true, printed);
    }
  });

  it("is held by the compiler", () => {
    const config: FrozenConfig<Options> = makeConfig("Thing", schema, { kind: "b" });
    // @ts-expect-error no such option
    assertEquals(config.step, undefined);
    // @ts-expect-error "c" is none of the words
    assertThrows(() => makeConfig<Options>("Thing", schema, { kind: "c" }), RangeError);
    const wrong: ConfigSchema<Pick<Options, "order" | "solver" | "limit">> = {
      // @ts-expect-error 3 is not in the type
      order: oneOf(2, 1, 3),
      // @ts-expect-error words of a few need all of them
      solver: "own",
      // @ts-expect-error a text is no number
      limit: maybe(string),
    };
    assertEquals(Object.keys(wrong).length, 3);
  });
});
