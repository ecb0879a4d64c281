import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertThrows } from "@std/assert";
import {
  adoptConfig,
  checkConfig,
  deepFreeze,
  describeConfig,
  dumpConfig,
  type JsonObject,
  makeConfig,
  parseConfig,
} from "./config.ts";
import { anything, type ConfigSchema, float, maybe, number, oneOf } from "./config_options.ts";
import { DenoiseError } from "./errors.ts";
import { goldens } from "../tests/support/numbers.ts";

interface Golden {
  signatures: Record<string, { defaults: Record<string, unknown> }>;
  cases: {
    file: string;
    steps: {
      class: string;
      overrides: JsonObject;
      printed: string;
      keys: string[];
      defaulted: string[];
    }[];
  }[];
}

const reference = goldens<Golden>(import.meta.resolve("./testdata/config.json"));

/** A schema made from a Python signature, in which floats stand as `{ float: "0.5" }`. */
function schemaOf(className: string): ConfigSchema<JsonObject> {
  const entries = Object.entries(reference.signatures[className]!.defaults).map(([key, value]) => {
    const text = (value as { float?: string } | null)?.float;
    if (text === undefined) return [key, anything(value)];
    return [key, float(text === "-inf" ? -Infinity : Number(text))];
  });
  return Object.fromEntries(entries);
}

interface Options {
  readonly steps: number;
  readonly scale: number;
  readonly kind: "a" | "b";
  readonly sizes: readonly number[];
  readonly names: readonly string[];
  readonly limit: number | null;
}

const schema: ConfigSchema<Options> = {
  steps: 10,
  scale: float(1),
  kind: oneOf("a", "b"),
  sizes: [1, 2],
  names: ["x"],
  limit: maybe(number),
};

describe("adoptConfig()", () => {
  for (const { file, steps } of reference.cases) {
    it(`does what diffusers does along ${steps.map((step) => step.class).join(" > ")}`, () => {
      let config: object = parseConfig(file, "config.json");
      for (const { class: className, overrides, printed, keys, defaulted } of steps) {
        const made = adoptConfig(className, schemaOf(className), config, overrides);
        assertEquals(describeConfig(className, made), printed);
        assertEquals(Object.keys(made).filter((key) => !key.startsWith("_")), keys);
        const used = (made["_use_default_values"] ?? []) as readonly string[];
        assertEquals(used.toSorted(), defaulted);
        config = made;
      }
    });
  }

  it("drops what the source only had by default", () => {
    const source = makeConfig("Source", schema, { steps: 3 });
    const wider: ConfigSchema<Options> = {
      ...schema,
      steps: 50,
      kind: oneOf("b", "a"),
    };
    const config = adoptConfig("Other", wider, source);
    assertEquals([config.steps, config.kind], [3, "b"]);
  });

  it("refuses an override that is no option", () => {
    const overrides = { stepz: 1 } as Partial<Options>;
    assertThrows(
      () => adoptConfig("Thing", schema, {}, overrides),
      TypeError,
      "Cannot configure Thing: it has no option stepz",
    );
  });
});

describe("makeConfig()", () => {
  it("is frozen all the way down", () => {
    const config = makeConfig("Thing", schema, {});
    assertThrows(() => ((config as { steps: number }).steps = 1), TypeError);
    assertThrows(() => (config.sizes as number[]).push(3), TypeError);
    assertEquals(schema.sizes, [1, 2]);
  });

  it("does not freeze or share what it was given", () => {
    const sizes = [4, 5];
    const config = makeConfig("Thing", schema, { sizes });
    sizes.push(6);
    assertEquals(config.sizes, [4, 5]);
  });

  it("keeps null where null was given", () => {
    assertEquals(makeConfig("Thing", schema, { limit: null })["_use_default_values"], [
      "steps",
      "scale",
      "kind",
      "sizes",
      "names",
    ]);
  });
});

describe("checkConfig()", () => {
  const fails = (values: object, error: typeof TypeError | typeof RangeError, text: string) =>
    assertThrows(() => checkConfig("Thing", schema, values as Partial<Options>), error, text);

  it("refuses values of another type and names the option, the value and the type", () => {
    fails({ steps: "3" }, TypeError, 'steps must be number, but is "3" (string)');
    fails({ steps: NaN }, TypeError, "steps must be number");
    fails({ sizes: [1, "2"] }, TypeError, "sizes must be number[]");
    fails({ names: [1] }, TypeError, "names must be string[]");
    fails({ limit: true }, TypeError, "limit must be number, but is true (boolean)");
  });

  it("refuses values that are none of the choices and lists these", () => {
    fails({ kind: "c" }, RangeError, 'kind must be one of "a", "b", but is "c"');
  });

  it("takes null and keys of other classes", () => {
    checkConfig("Thing", schema, { limit: null, other: {} } as Partial<Options>);
  });
});

describe("parseConfig()", () => {
  it("keeps floats apart from integers through dumpConfig(), in nested values too", () => {
    const text =
      '{\n  "a": 1,\n  "b": 1.0,\n  "c": {\n    "d": [\n      2,\n      2.0\n    ]\n  }\n}';
    assertEquals(dumpConfig(parseConfig(text, "x.json")), text);
  });

  it("reads NaN and Infinity as Python writes them", () => {
    const { a, b } = parseConfig('{"a": [-Infinity, Infinity, NaN], "b": "NaN"}', "x.json");
    assertEquals([a, b], [[-Infinity, Infinity, NaN], "NaN"]);
  });

  it("refuses what is no JSON object and names the file", () => {
    for (const text of ["{", "[1]", "3", "null", ""]) {
      const error = assertThrows(() => parseConfig(text, "dir/config.json"), DenoiseError);
      assertEquals((error as DenoiseError).code, "invalid_config");
      assertEquals((error as Error).message.includes("dir/config.json"), true);
    }
  });
});

describe("deepFreeze()", () => {
  it("freezes nested arrays and objects and returns the value", () => {
    const value = { list: [{ inner: 1 }] };
    assertEquals(deepFreeze(value) === value, true);
    assertThrows(() => (value.list[0]!.inner = 2), TypeError);
  });
});
