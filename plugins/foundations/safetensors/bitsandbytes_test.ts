import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  decodeBfloat16,
  encodeBfloat16,
  openSafetensors,
  readTensor,
  type StoredTensor,
  storedTensor,
  withScales,
} from "@denoise/safetensors";

Deno.env.set("DENOISE_CACHE", await Deno.makeTempDir());
const open = async (name: string) =>
  (await openSafetensors(new URL(`testdata/${name}.safetensors`, import.meta.url).pathname))
    .tensors;
const quantized = await open("quantized");
/** The libraries' own numbers, by scripts/reference/quantized_goldens.py. */
const goldens = await open("dequantized");

describe("withScales() of what Python libraries have quantized", () => {
  it("gives weights under the names of the model, and nothing else", async () => {
    assertEquals([...(await withScales(quantized)).keys()].sort(), [...goldens.keys()].sort());
  });

  for (const [name, golden] of goldens) {
    it(`gives the numbers of ${name} bit for bit`, async () => {
      const stored = (await withScales(quantized)).get(name)!;
      const found = await readTensor(stored);
      const wanted = await readTensor(golden);
      assertEquals(found.dims, wanted.dims);
      // the library rounds to the type that it was given; so do we, to compare
      const isNarrow = golden.dtype === "bfloat16";
      const numbers = found.toFloat32Array();
      const rounded = isNarrow ? decodeBfloat16(new Uint16Array(encodeBfloat16(numbers))) : numbers;
      assertEquals(rounded, wanted.toFloat32Array());
    });
  }

  const only = (start: string) =>
    new Map([...quantized].filter(([name]) => name.startsWith(start)));
  const json = (text: string): StoredTensor => {
    const data = new TextEncoder().encode(text);
    return { dtype: "uint8", dims: [data.length], data };
  };
  const NF4 = "bitsandbytes.nf4.float32.128.weight";
  const STATE = `${NF4}.quant_state.bitsandbytes__nf4`;
  const refused: Record<string, [string, [string, StoredTensor | undefined][], string]> = {
    "a missing scale": [NF4, [[`${NF4}.absmax`, undefined]], `there is no "${NF4}.absmax"`],
    "a state that is no JSON": [NF4, [[STATE, json("{")]], "its quant_state is no JSON"],
    "a state without sizes": [NF4, [[STATE, json("{}")]], "its quant_state is {}"],
    "sizes that do not fit": [
      NF4,
      [[STATE, json('{"shape":[32,64],"blocksize":64,"quant_type":"nf4"}')]],
      "it has 2048 bytes and 16 levels for [32,64]",
    ],
    "too few scales": [
      NF4,
      [[`${NF4}.absmax`, storedTensor(Tensor.ones([3]))]],
      "it has 3 scales, where 4096 numbers in whole blocks of 64 need 64",
    ],
    "scales that are not finite": [
      NF4,
      [[`${NF4}.absmax`, storedTensor(Tensor.full([64], NaN))]],
      "absmax must be finite, but has NaN",
    ],
    "rows of int8 without scales": [
      "bitsandbytes.int8",
      [["bitsandbytes.int8.SCB", storedTensor(Tensor.ones([3]))]],
      "SCB has 3 numbers",
    ],
    "zeros of torchao": [
      "torchao.int8",
      [["torchao.int8._weight_zero_point", storedTensor(Tensor.ones([32, 1]))]],
      "which torchao has quantized: its values have zeros of their own",
    ],
    "quantized activations of quanto": [
      "quanto.int8",
      [["quanto.int8.input_scale", storedTensor(Tensor.full([], 0.5))]],
      "which quanto has quantized: its activations are quantized, too",
    ],
  };
  for (const [what, [start, changes, said]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const tensors = only(start);
      for (const [name, tensor] of changes) {
        if (tensor === undefined) tensors.delete(name);
        else tensors.set(name, tensor);
      }
      const error = await assertRejects(() => withScales(tensors), DenoiseError);
      assertStringIncludes(error.message, said);
    });
  }
});
