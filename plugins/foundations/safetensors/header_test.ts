import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { DenoiseError } from "@denoise/core";
import { parseHeader, readHeader } from "@denoise/safetensors";
import reference from "./testdata/headers.json" with { type: "json" };

function parse(header: unknown, bufferSize: number) {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  return parseHeader(new TextEncoder().encode(text), bufferSize, "x.safetensors");
}

const f32 = (shape: readonly number[], begin: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("readHeader()", () => {
  /** A file of that size that begins with a header of a length that it claims. */
  function file(claimed: bigint, size: number, header = "") {
    const bytes = new Uint8Array(8 + header.length);
    new DataView(bytes.buffer).setBigUint64(0, claimed, true);
    bytes.set(new TextEncoder().encode(header), 8);
    const reads: [number, number][] = [];
    const read = (start: number, end: number) => {
      reads.push([start, end]);
      return Promise.resolve(bytes.slice(start, end));
    };
    return { reads, header: () => readHeader(read, size, "x.safetensors") };
  }

  it("reads short headers at once and long ones in two pieces", async () => {
    const entry = JSON.stringify({ a: f32([1], 0, 4) });
    for (const [length, pieces] of [[entry.length, 1], [200_000, 2]] as const) {
      const { reads, header } = file(BigInt(length), 8 + length + 4, entry.padEnd(length));
      const { tensors, bytes } = await header();
      assertEquals(tensors.get("a"), { dtype: "F32", shape: [1], offsets: [0, 4] });
      assertEquals([bytes.length, reads.length], [8 + length, pieces]);
    }
  });

  const refused: Record<string, [bigint, number, string]> = {
    "a header over 100 MB": [100_000_001n, 1e12, "at most 100000000 are allowed"],
    "a header of 2^64 - 1 bytes": [2n ** 64n - 1n, 1e12, "18446744073709551615"],
    "a header longer than the file": [101n, 108, "but the file has 108"],
    "a file of less than eight bytes": [0n, 3, "it has 3 bytes"],
  };
  for (const [what, [claimed, size, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const error = await assertRejects(file(claimed, size).header, DenoiseError, message);
      assertEquals(error.code, "invalid_safetensors");
    });
  }
});

describe("parseHeader()", () => {
  it(`accepts what safetensors ${reference.safetensors} accepts, and reads the same`, () => {
    for (const { header, size, read } of reference.cases) {
      const found = () => {
        const { tensors, metadata } = parse(header, size);
        return {
          tensors: [...tensors].map(([name, { dtype, shape }]) => [name, dtype, ...shape]).sort(),
          metadata,
        };
      };
      if (read === null) assertThrows(found, DenoiseError, undefined, header);
      else {
        const tensors = Object.entries(read.tensors as Record<string, [string, string[]]>)
          .map(([name, [dtype, shape]]) => [name, dtype, ...shape.map(Number)]).sort();
        assertEquals(found(), { ...read, tensors }, header);
      }
    }
  });

  it("reads tensors in any order, with metadata", () => {
    const { tensors, metadata } = parse({
      b: f32([2], 4, 12),
      __metadata__: { format: "pt" },
      a: f32([], 0, 4),
      empty: { dtype: "BF16", shape: [0, 7], data_offsets: [4, 4] },
    }, 12);
    assertEquals([...tensors.keys()], ["b", "a", "empty"]);
    assertEquals(tensors.get("b"), { dtype: "F32", shape: [2], offsets: [4, 12] });
    assertEquals(metadata, { format: "pt" });
  });

  it("takes a header that spaces fill up", () => {
    assertEquals(
      parse('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   ', 1).tensors.size,
      1,
    );
  });

  it("takes types of less than a byte", () => {
    assertEquals(
      parse({ a: { dtype: "F4", shape: [4], data_offsets: [0, 2] } }, 2).tensors.size,
      1,
    );
  });

  const refused: Record<string, [unknown, number, string]> = {
    'a header that does not start with "{"': ["[]", 0, 'does not start with "{"'],
    "an empty header": ["", 0, 'does not start with "{"'],
    "a header that is no JSON": ['{"a":{', 0, "not valid JSON"],
    "a member that stands twice": ['{"a":{"dtype":"U8","dtype":"U8"}}', 1, 'the key "dtype" twice'],
    "metadata that is no text": [{ __metadata__: { format: 1 } }, 0, "__metadata__"],
    "metadata that is a list": [{ __metadata__: [] }, 0, "__metadata__"],
    "an entry that is no object": [{ a: 1 }, 0, 'tensor "a" must have dtype, shape'],
    "a dtype that is unknown": [
      { a: { dtype: "F33", shape: [], data_offsets: [0, 4] } },
      4,
      'tensor "a" has the unknown dtype "F33"',
    ],
    "a dtype that every object has": [
      { a: { dtype: "constructor", shape: [], data_offsets: [0, 4] } },
      4,
      "unknown dtype",
    ],
    "a shape that is no list": [{ a: f32(4 as unknown as [], 0, 4) }, 4, "whole numbers"],
    "a negative size": [{ a: f32([-1], 0, 4) }, 4, "whole numbers, but one is -1"],
    "a size with a fraction": [{ a: f32([0.5], 0, 2) }, 2, "whole numbers"],
    "a size that is too large": [{ a: f32([2 ** 53], 0, 4) }, 4, "takes 36028797018963970 bytes"],
    "a shape whose product overflows": [{ a: f32([2 ** 40, 2 ** 40], 0, 0) }, 0, "too large"],
    "offsets that are not two": [
      { a: { dtype: "U8", shape: [0], data_offsets: [0] } },
      0,
      "two whole numbers",
    ],
    "offsets that are no numbers": [
      { a: { dtype: "U8", shape: [0], data_offsets: ["0", "0"] } },
      0,
      "must be whole numbers",
    ],
    "a tensor that ends before it begins": [{ a: f32([1], 4, 0) }, 4, "ends at 0, before"],
    "a shape of another size than the bytes": [
      { a: f32([2], 0, 4) },
      4,
      'tensor "a" is F32 [2], which takes 8 bytes, but has 4',
    ],
    "half a byte": [{ a: { dtype: "F4", shape: [3], data_offsets: [0, 2] } }, 2, "1.5 bytes"],
    "a hole": [{ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, 'hole of 4 bytes before tensor "b"'],
    "a hole at the start": [{ a: f32([1], 4, 8) }, 8, "hole of 4 bytes"],
    "an overlap": [{ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8, "overlaps another by 4 bytes"],
    "two tensors in one place": [{ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4, "overlaps"],
    "bytes after the last tensor": [{ a: f32([1], 0, 4) }, 5, "end at byte 4 of the 5"],
    "tensors beyond the end of the file": [{ a: f32([2], 0, 8) }, 4, "end at byte 8 of the 4"],
    "bytes without tensors": [{}, 1, "end at byte 0 of the 1"],
  };
  for (const [what, [header, bufferSize, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      const error = assertThrows(() => parse(header, bufferSize), DenoiseError, message);
      assertEquals(error.code, "invalid_safetensors");
      assert(error.message.startsWith('Cannot read "x.safetensors": '), error.message);
    });
  }

  it("refuses a header that is not UTF-8", () => {
    const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]);
    assertThrows(() => parseHeader(bytes, 0, "x"), DenoiseError, "not valid UTF-8");
  });

  it("refuses a header of brackets a million deep", () => {
    const error = assertThrows(() => parse(`{"a":${"[".repeat(1e6)}`, 0), DenoiseError);
    assertEquals(error.code, "invalid_safetensors");
  });

  it("keeps a tensor of the name __proto__ apart from the object's own", () => {
    const header = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    assertEquals([...parse(header, 1).tensors.keys()], ["__proto__"]);
  });

  it("gives a header or a DenoiseError for any bytes", () => {
    const valid = JSON.stringify({ a: f32([1], 0, 4), b: f32([1, 2], 4, 12) });
    const mutated = fc.tuple(fc.nat(valid.length - 1), fc.string({ maxLength: 4 }), fc.nat(3)).map(
      ([place, text, cut]) => valid.slice(0, place) + text + valid.slice(place + cut),
    );
    const json = fc.jsonValue().map((value) => JSON.stringify({ a: value }));
    fc.assert(
      fc.property(fc.oneof(mutated, json, fc.string()), fc.nat(20), (text, bufferSize) => {
        try {
          const { tensors } = parse(text, bufferSize);
          const bytes = [...tensors.values()].reduce((n, { offsets: [b, e] }) => n + e - b, 0);
          assertEquals(bytes, bufferSize);
        } catch (error) {
          assert(error instanceof DenoiseError, `${error}`);
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  it("takes back every header that fits its file", () => {
    const tensor = fc.record({
      name: fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__"),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
    });
    const list = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    fc.assert(
      fc.property(list, (tensors) => {
        let place = 0;
        const entries = tensors.map(({ name, shape }) => {
          const begin = place;
          place += shape.reduce((product, size) => product * size, 4);
          return [name, f32(shape, begin, place)] as const;
        });
        const found = parse(Object.fromEntries(entries), place).tensors;
        assertEquals(found.size, tensors.length);
        tensors.forEach(({ name, shape }) => assertEquals(found.get(name)!.shape, shape));
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
