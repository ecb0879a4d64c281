import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  findWeights,
  openSafetensors,
  openWeights,
  readTensor,
  saveSafetensors,
} from "@denoise/safetensors";

type Files = Record<string, Record<string, Tensor> | string>;

async function folderOf(files: Files): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") await Deno.writeTextFile(`${path}/${name}`, content);
    else await saveSafetensors(`${path}/${name}`, content);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const one = { a: Tensor.from([1]) };
const two = { b: Tensor.from([2]) };

async function names(files: Files, options = {}): Promise<string[]> {
  await using folder = await folderOf(files);
  const found = await findWeights(folder.path, options);
  return found.files.map((path) => path.slice(folder.path.length + 1));
}

async function refusal(files: Files, options = {}): Promise<DenoiseError> {
  await using folder = await folderOf(files);
  return await assertRejects(
    async () => void await openWeights(await findWeights(folder.path, options)),
    DenoiseError,
  );
}

const index = (map: unknown) => JSON.stringify({ metadata: {}, weight_map: map });

describe("saveSafetensors()", () => {
  it("writes what openSafetensors() and readTensor() read", async () => {
    await using folder = await folderOf({});
    const tensors = {
      floats: Tensor.from([[1.5, -2], [3, 4]]),
      halves: Tensor.from([1, 2, 3]).astype("float16"),
      long: Tensor.arange(0, 3),
      flags: Tensor.from([true, false]),
      empty: Tensor.zeros([0, 4]),
      scalar: Tensor.from(7),
      view: Tensor.from(new Float32Array([9, 1, 9]).subarray(1, 2)),
    };
    const path = `${folder.path}/x.safetensors`;
    await saveSafetensors(path, tensors, { format: "pt", note: "é" });
    const file = await openSafetensors(path);
    assertEquals(file.metadata, { format: "pt", note: "é" });
    assertEquals([...file.tensors.keys()].sort(), Object.keys(tensors).sort());
    for (const [name, tensor] of Object.entries(tensors)) {
      const back = await readTensor(file.tensors.get(name)!);
      assertEquals(back.dtype, tensor.dtype, name);
      assertEquals(back.dims, tensor.dims, name);
      assert(back.equals(tensor), name);
    }
    assertEquals((await Array.fromAsync(Deno.readDir(folder.path))).length, 1);
  });
});

describe("openSafetensors()", () => {
  it("says where the bytes lie, links resolved", async () => {
    await using folder = await folderOf({ "real.safetensors": { ...one, ...two } });
    await Deno.symlink(`${folder.path}/real.safetensors`, `${folder.path}/link.safetensors`);
    const { path, tensors } = await openSafetensors(`${folder.path}/link.safetensors`);
    assertEquals(path, await Deno.realPath(`${folder.path}/real.safetensors`));
    const { size } = await Deno.stat(path);
    assertEquals(tensors.get("b"), {
      dtype: "float32",
      dims: [1],
      data: { file: path, offset: size - 4, length: 4 },
    });
  });

  it("refuses a file that is cut short", async () => {
    await using folder = await folderOf({ "x.safetensors": one });
    const path = `${folder.path}/x.safetensors`;
    const { size } = await Deno.stat(path);
    for (const length of [0, 7, 8, 40, size - 1]) {
      await Deno.truncate(path, length);
      const error = await assertRejects(() => openSafetensors(path), DenoiseError);
      assertEquals(error.code, "invalid_safetensors");
    }
  });

  it("refuses a file that is not there", async () => {
    const error = await assertRejects(() => openSafetensors("/no/such/file"), DenoiseError);
    assertEquals(error.code, "missing_file");
  });
});

describe("findWeights()", () => {
  it("takes diffusers' and transformers' names", async () => {
    assertEquals(await names({ "model.safetensors": one }), ["model.safetensors"]);
    const both = { "model.safetensors": one, "diffusion_pytorch_model.safetensors": one };
    assertEquals(await names(both), ["diffusion_pytorch_model.safetensors"]);
  });

  it("takes the variant, and only that", async () => {
    const files = { "model.safetensors": one, "model.fp16.safetensors": two };
    assertEquals(await names(files, { variant: "fp16" }), ["model.fp16.safetensors"]);
    const error = await refusal(files, { variant: "ema" });
    assertEquals(error.code, "missing_file");
    assert(error.message.includes("there is model.fp16.safetensors, model.safetensors"));
  });

  it("takes shards by their index, under new and old names", async () => {
    for (const middle of ["", ".fp16"]) {
      for (const shard of [`model${middle}-0000N-of-00002`, `model-0000N-of-00002${middle}`]) {
        const [first, second] = ["1", "2"].map((n) => `${shard.replace("N", n)}.safetensors`);
        await using folder = await folderOf({
          [first!]: one,
          [second!]: two,
          [`model.safetensors.index${middle}.json`]: index({ a: first, b: second }),
        });
        const variant = middle === "" ? undefined : "fp16";
        const weights = await findWeights(folder.path, { variant });
        assertEquals(weights.files, [`${folder.path}/${first}`, `${folder.path}/${second}`]);
        assertEquals([...(await openWeights(weights)).keys()], ["a", "b"]);
      }
    }
  });

  it("refuses pickles, saying what is there and how to go on", async () => {
    for (const file of ["diffusion_pytorch_model.bin", "x.ckpt", "x.pt", "x.pth"]) {
      const error = await refusal({ [file]: "" });
      assertEquals(error.code, "pickle_refused");
      assert(error.message.includes(file) && error.message.includes("Convert them"), error.message);
    }
  });

  it("refuses useSafetensors: false", async () => {
    const error = await refusal({ "model.safetensors": one }, { useSafetensors: false });
    assertEquals(error.code, "pickle_refused");
  });

  it("refuses a folder without weights, and one that is not there", async () => {
    assertEquals((await refusal({ "config.json": "{}" })).code, "missing_file");
    const error = await assertRejects(() => findWeights("/no/such/folder"), DenoiseError);
    assertEquals(error.code, "missing_file");
  });

  const shard = "model-00001-of-00001.safetensors";
  const indexes: Record<string, [string, string]> = {
    "that is no JSON": ["{", "invalid_safetensors"],
    "without weight_map": ["{}", "invalid_safetensors"],
    "that is null": ["null", "invalid_safetensors"],
    "that leaves the folder": [index({ a: `../${shard}` }), "invalid_safetensors"],
    "that names a pickle": [index({ a: "model.bin" }), "invalid_safetensors"],
    "that names a file by a number": [index({ a: 1 }), "invalid_safetensors"],
    "that names a shard that is missing": [index({ a: "b.safetensors" }), "missing_file"],
    "that names a tensor that is missing": [index({ z: shard }), "invalid_safetensors"],
  };
  for (const [what, [text, code]] of Object.entries(indexes)) {
    it(`refuses an index ${what}`, async () => {
      const error = await refusal({ [shard]: one, "model.safetensors.index.json": text });
      assertEquals(error.code, code);
    });
  }

  it("refuses a tensor that lies in two shards", async () => {
    const error = await refusal({
      "1.safetensors": one,
      "2.safetensors": { ...one, ...two },
      "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
    });
    assertEquals(error.code, "invalid_safetensors");
    assert(error.message.includes('tensor "a" also lies in'), error.message);
  });
});
