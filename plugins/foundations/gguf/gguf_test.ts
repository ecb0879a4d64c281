import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { decodeGguf, ggufTensors, type GgufType, openGguf } from "@denoise/gguf";
import { openSafetensors, readTensor, splitRows } from "@denoise/safetensors";

Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir());
const path = new URL("testdata/types.gguf", import.meta.url).pathname;
/** The gguf package's own numbers, by scripts/reference/gguf_goldens.py. */
const goldens = await openSafetensors(
  new URL("testdata/types.safetensors", import.meta.url).pathname,
);
const TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"];

describe("openGguf()", () => {
  it("reads metadata, and where tensors lie", async () => {
    const { metadata, tensors } = await openGguf(path);
    assertEquals(metadata.get("general.architecture"), "sd1");
    assertEquals(metadata.get("words"), ["a", "bé"]);
    assertEquals([metadata.get("half"), metadata.get("yes")], [0.5, true]);
    assertEquals([...tensors.keys()].sort(), [...goldens.tensors.keys()].sort());
    for (const [name, { dims }] of tensors) assertEquals(dims, goldens.tensors.get(name)!.dims);
    assertEquals(tensors.get("t.Q4_K")!.type, "Q4_K");
  });
});

describe("decodeGguf()", () => {
  for (const type of TYPES) {
    it(`gives the numbers of ${type} bit for bit`, async () => {
      const { offset, length } = (await openGguf(path)).tensors.get(`t.${type}`)!;
      const bytes = (await Deno.readFile(path)).subarray(offset, offset + length);
      const wanted = await readTensor(goldens.tensors.get(`t.${type}`)!);
      assertEquals(decodeGguf(type as GgufType, bytes), wanted.data);
    });
  }
});

describe("ggufTensors()", () => {
  it("gives tensors with the numbers of the gguf package, bit for bit, parts of their rows too", async () => {
    const tensors = await ggufTensors(path);
    assertEquals(tensors.size, TYPES.length + 4);
    for (const [name, stored] of tensors) {
      const wanted = await readTensor(goldens.tensors.get(name)!);
      const found = await readTensor(stored);
      assertEquals(found.dims, wanted.dims);
      assertEquals(found.toFloat32Array(), wanted.data, name);
    }
    const [_, second] = splitRows(tensors.get("t.Q5_1")!, 2);
    const wanted = (await readTensor(goldens.tensors.get("t.Q5_1")!)).data.slice(3 * 512);
    assertEquals((await readTensor(second!)).data, wanted);
  });

  it("lays them out once", async () => {
    const [first, second] = [await ggufTensors(path), await ggufTensors(path)];
    assertEquals(first, second);
    const files = await Array.fromAsync(Deno.readDir(`${Deno.env.get("DENOISE_CACHE")}/gguf`));
    assertEquals(files.length, 1);
  });
});

async function refusal(change: (bytes: Uint8Array) => Uint8Array): Promise<DenoiseError> {
  const file = await Deno.makeTempFile({ suffix: ".gguf" });
  await Deno.writeFile(file, change(await Deno.readFile(path)));
  try {
    return await assertRejects(() => openGguf(file), DenoiseError);
  } finally {
    await Deno.remove(file);
  }
}

/** Where the type of a tensor stands in the header: behind its name, rank and sizes. */
function typePlace(bytes: Uint8Array, name: string): number {
  const text = new TextDecoder("latin1").decode(bytes);
  const at = text.indexOf(name) + name.length;
  return at + 4 + 8 * bytes[at]!;
}

describe("a file that is not read", () => {
  it("is cut off, at whatever byte", async () => {
    const places = [...(await openGguf(path)).tensors.values()];
    const end = Math.max(...places.map(({ offset, length }) => offset + length)); // then filled up
    for (const size of [0, 3, 4, 20, 100, 500, 1100, end / 2, end - 1]) {
      const error = await refusal((bytes) => bytes.subarray(0, size));
      assertEquals(error.code, "invalid_gguf");
      assertStringIncludes(error.message, "it is cut off: ");
    }
  });

  it("is none, or of another version", async () => {
    const other = await refusal((bytes) => bytes.with(0, 71 + 1));
    assertStringIncludes(other.message, 'it does not begin with "GGUF"');
    const version = await refusal((bytes) => bytes.with(4, 9));
    assertStringIncludes(version.message, "its version is 9; read are 2 and 3");
    await assertRejects(() => openGguf("/no/such.gguf"), DenoiseError, "no such file");
  });

  for (
    const [number, name] of [[23, "IQ4_XS"], [39, "MXFP4"], [
      250,
      "of the unknown type 250",
    ]] as const
  ) {
    it(`has tensors that are ${name}`, async () => {
      const error = await refusal((bytes) => bytes.with(typePlace(bytes, "t.Q4_0"), number));
      assertEquals(error.code, "unsupported_option");
      assertStringIncludes(
        error.message,
        `the tensor "t.Q4_0" is ${name}; read are F32, F16, BF16`,
      );
      assertStringIncludes(error.message, "such as Q4_K_M");
    });
  }

  it("has scales that are not finite", async () => {
    const bytes = await Deno.readFile(path);
    const { offset } = (await openGguf(path)).tensors.get("t.Q8_0")!;
    const file = await Deno.makeTempFile({ suffix: ".gguf" });
    for (
      const [upper, number] of [[0x7e, "NaN"], [0x7c, "Infinity"], [0xfc, "-Infinity"]] as const
    ) {
      bytes.set([0, upper], offset + 2 * 34); // the float16 number of the third block
      await Deno.writeFile(file, bytes);
      const error = await assertRejects(() => ggufTensors(file), DenoiseError);
      assertEquals(error.code, "invalid_gguf");
      assertStringIncludes(error.message, `"t.Q8_0" has a scale of ${number} in block 2, which`);
    }
    await Deno.remove(file);
  });

  it("claims more than there is", async () => {
    for (const place of [8, 16]) { // counts of tensors and of values
      const error = await refusal((bytes) => bytes.with(place + 5, 255));
      assertEquals(error.code, "invalid_gguf");
    }
  });
});
