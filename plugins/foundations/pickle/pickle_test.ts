/**
 * Files of torch against the same tensors in safetensors, and what is refused: anything that would run code, and files
 * that are damaged.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { isPickle, openPickle, openTensors } from "@denoise/pickle";
import { openSafetensors, readTensor } from "@denoise/safetensors";

const DATA = new URL("./testdata/", import.meta.url).pathname;
const wanted = (await openSafetensors(`${DATA}tensors.safetensors`)).tensors;
const MAGIC = "\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
const SYSTEM = "\x80\x02}X\x0d\0\0\0little_endian\x88s.";

/** A file of torch before 1.6 with this pickle. */
function legacy(pickle: string, keys = "\x80\x02].", numbers = ""): Uint8Array<ArrayBuffer> {
  const text = `\x80\x02${MAGIC}${SYSTEM}${pickle}${keys}${numbers}`;
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

async function withFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".pt" });
  try {
    await Deno.writeFile(path, bytes);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

async function refusal(bytes: Uint8Array): Promise<string> {
  return await withFile(bytes, async (path) => {
    const error = await assertRejects(() => openPickle(path), DenoiseError);
    assertEquals(error.code, "pickle_refused");
    assertStringIncludes(error.message, `Cannot read ${JSON.stringify(path)}: `);
    return error.message;
  });
}

describe("openPickle()", () => {
  for (const name of ["archive.bin", "legacy.bin"]) {
    it(`has the numbers of torch, at their places, in ${name}`, async () => {
      const { path, tensors } = await openPickle(`${DATA}${name}`);
      const names = [...wanted.keys()].filter((one) => name === "archive.bin" || one !== "float8");
      assertEquals([...tensors.keys()].sort(), names.sort());
      for (const one of names) {
        const [got, want] = [tensors.get(one)!, wanted.get(one)!];
        assertEquals([got.dtype, got.dims], [want.dtype, want.dims], one);
        assert((await readTensor(got)).equals(await readTensor(want)), one);
        const isMapped = !["transposed", "window"].includes(one);
        assertEquals("file" in got.data && got.data.file === path, isMapped, one);
      }
    });
  }

  it("names what lies in dicts within dicts, and the values beside tensors", async () => {
    const { tensors, values } = await openPickle(`${DATA}nested.ckpt`);
    assertEquals([...tensors.keys()], ["state_dict.weight", "state_dict.bias"]);
    assertEquals(Object.fromEntries(values), {
      ...{ epoch: 3, global_step: 12345678901, lr: 0.1, ended: null, done: true, name: "é" },
    });
  });

  const pickles: Readonly<Record<string, readonly [pickle: string, why: string]>> = {
    "calls a function of the system": [
      "\x80\x02cposix\nsystem\nX\x02\0\0\0id\x85R.",
      'it calls for "posix.system"',
    ],
    "calls eval": ["\x80\x02c__builtin__\neval\nX\x01\0\0\0a\x85R.", "__builtin__.eval"],
    "names a property that every object has": ["\x80\x02cconstructor\n\n.", '"constructor."'],
    "calls what is no function": ["\x80\x02ctorch\nFloatStorage\n)R.", "what is no function"],
    "makes an object of a class": ["\x80\x02ccollections\nOrderedDict\n)\x81.", "the word 0x81"],
    "looks a class up by texts": ["\x80\x02X\x02\0\0\0osX\x06\0\0\0system\x93.", "the word 0x93"],
    "makes an instance": ["\x80\x02(iposix\nsystem\n.", "the word 0x69"],
    "asks for an extension": ["\x80\x02\x82\x01.", "the word 0x82"],
    "adds to a number": ["\x80\x02K\x01K\x02a.", "no list"],
    "takes from an empty stack": ["\x80\x02R.", "takes what is not there"],
    "takes what lies under a mark": ["\x80\x02K\x01(\x85.", "takes what is not there"],
    "closes what it did not open": ["\x80\x02t.", "closes what it did not open"],
    "recalls what it did not keep": ["\x80\x02h\x05.", "recalls what it did not keep"],
    "has a text that is longer than the file": ["\x80\x02X\xff\xff\xff\xff.", "ends in the middle"],
    "refers to something else than a storage": ["\x80\x02X\x01\0\0\0aQ.", "no storage of its own"],
    "makes a tensor of no storage": [
      "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\0)))tR.",
      "a tensor of no storage",
    ],
  };
  for (const [what, [pickle, why]] of Object.entries(pickles)) {
    it(`refuses a pickle that ${what}`, async () => {
      assertStringIncludes((await refusal(legacy(pickle))).replace("its pickle", "it"), why);
    });
  }

  const storage = (count: string) =>
    `(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu${count}NtQ`;
  const tensor = (count: string, dims: string, strides: string) =>
    `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(${storage(count)}K\0${dims}${strides}\x89` +
    "ccollections\nOrderedDict\n)RtR.";
  const KEYS = "\x80\x02]X\x01\0\0\x000a.";
  const EIGHT = "\x02\0\0\0\0\0\0\0" + "\0".repeat(8);

  it("refuses tensors that reach beyond their numbers, or repeat them, before it takes memory", async () => {
    const read = (...args: Parameters<typeof tensor>) => legacy(tensor(...args), KEYS, EIGHT);
    const two = await withFile(read("K\x02", "K\x02\x85", "K\x01\x85"), openPickle);
    assertEquals(two.tensors.get("")!.dims, [2]);
    const far = await refusal(read("K\x02", "J\xff\xff\xff\x7f\x85", "K\x01\x85"));
    assertStringIncludes(far, "[2147483647] reaches beyond the 8 bytes of its storage");
    const repeated = await refusal(read("K\x02", "J\xff\xff\xff\x7f\x85", "K\0\x85"));
    assertStringIncludes(repeated, "repeats numbers");
    const negative = await refusal(read("K\x02", "J\xff\xff\xff\xff\x85", "K\x01\x85"));
    assertStringIncludes(negative, "whose sizes are no sizes");
    const cut = await refusal(read("J\xff\xff\xff\x7f", "K\x02\x85", "K\x01\x85"));
    assertStringIncludes(cut, "ends in the middle of its numbers");
  });

  it("refuses dicts that hold each other without end", async () => {
    const layers = Array.from({ length: 30 }, () => "q\0}(K\0h\0K\x01h\0u").join("");
    assertStringIncludes(await refusal(legacy(`\x80\x02}${layers}.`)), "in each other more than");
    const itself = "\x80\x02}q\0K\x01h\0s.";
    assertStringIncludes(await refusal(legacy(itself)), "in each other more than");
  });

  it("refuses pickles that make more than tensors need", async () => {
    assertStringIncludes(
      await refusal(legacy("\x80\x02" + "}".repeat(400_001) + ".")),
      "makes more than 400000 lists and dicts",
    );
  });

  it("refuses files that are cut short, or are something else", async () => {
    for (const name of ["archive.bin", "legacy.bin"]) {
      const whole = await Deno.readFile(`${DATA}${name}`);
      for (const part of [0, 0.001, 0.2, 0.5, 0.9, 0.99]) {
        await refusal(whole.subarray(0, Math.floor(whole.length * part)));
      }
    }
    assertStringIncludes(
      await refusal(new TextEncoder().encode("<html>Not found</html>")),
      "does not begin as files of torch do",
    );
    const missing = await assertRejects(() => openPickle("/no/such.bin"), DenoiseError);
    assertEquals(missing.code, "missing_file");
  });

  const seed = Number(Deno.env.get("DENOISE_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  it(`answers any damage with tensors or a refusal, seed ${seed}`, async () => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % below;
    };
    let refused = 0;
    for (const name of ["archive.bin", "legacy.bin", "nested.ckpt"]) {
      const whole = await Deno.readFile(`${DATA}${name}`);
      for (let i = 0; i < 60; i++) {
        const bytes = whole.slice();
        const changes = 1 + random(4);
        for (let j = 0; j < changes; j++) bytes[random(bytes.length)] = random(256);
        await withFile(bytes, async (path) => {
          try {
            const { tensors } = await openPickle(path);
            for (const one of tensors.values()) await readTensor(one).catch(onlyTypes);
          } catch (error) {
            assert(error instanceof DenoiseError && error.code === "pickle_refused", `${error}`);
            refused++;
          }
        });
      }
    }
    assert(refused > 20, `${refused}`);
  });
});

/** Types that are stored but cannot be numbers in memory. */
function onlyTypes(error: unknown): void {
  assert(error instanceof TypeError, `${error}`);
}

describe("openTensors()", () => {
  it("opens files of both kinds, and what lies in state_dict", async () => {
    const plain = await openTensors(`${DATA}tensors.safetensors`);
    assertEquals([...plain.tensors.keys()], [...wanted.keys()]);
    const nested = await openTensors(`${DATA}nested.ckpt`);
    assertEquals([...nested.tensors.keys()], ["weight", "bias"]);
    assertEquals(["a.bin", "b.pt", "c.CKPT", "d.safetensors", "e.gguf"].map(isPickle), [
      ...[true, true, true, false, false],
    ]);
  });
});
