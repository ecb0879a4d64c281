import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import {
  readTensor,
  splitRows,
  type StoredTensor,
  storedTensor,
  withScales,
} from "@denoise/safetensors";

const weight: StoredTensor = {
  dtype: "float8_e4m3fn",
  dims: [2, 2],
  data: new Uint8Array([0x38, 0x40, 0x44, 0xb8]), // 1, 2, 3, -1
};
const scale = (...values: number[]) => storedTensor(Tensor.from(values));
const json = (text: string): StoredTensor => {
  const data = new TextEncoder().encode(text);
  return { dtype: "uint8", dims: [data.length], data };
};

async function values(tensors: Record<string, StoredTensor>): Promise<unknown> {
  const found = await withScales(Object.entries(tensors));
  assertEquals([...found.keys()], ["a.weight"]);
  return (await readTensor(found.get("a.weight")!)).toNested();
}

describe("withScales()", () => {
  it("takes ComfyUI's scale_weight, without what belongs to products in float8", async () => {
    const tensors = {
      "scaled_fp8": { ...weight, dims: [0], data: new Uint8Array() },
      "a.weight": weight,
      "a.scale_weight": scale(0.5),
      "a.scale_input": scale(3),
    };
    assertEquals(await values(tensors), [[0.5, 1], [1.5, -0.5]]);
  });

  it("takes int8 with a scale for each row, as ComfyUI stores it", async () => {
    const tensors = {
      "a.weight": { ...weight, dtype: "int8" as const, data: new Uint8Array([1, 2, 255, 4]) },
      "a.weight_scale": { ...scale(2, 10), dims: [2, 1] },
      "a.comfy_quant": json('{"format": "int8_tensorwise"}'),
    };
    assertEquals(await values(tensors), [[2, 4], [-10, 40]]);
  });

  it("leaves the mark of scaled float8 aside behind a prefix, too", async () => {
    const mark = { ...weight, dims: [0], data: new Uint8Array() };
    const tensors = { "model.diffusion_model.scaled_fp8": mark, "a.weight": weight };
    assertEquals(await values({ ...tensors, "a.scale_weight": scale(1) }), [[1, 2], [3, -1]]);
  });

  it("takes weight_scale, one or one for each row", async () => {
    const comfy = { "a.comfy_quant": json('{"format": "float8_e4m3fn"}') };
    const tensors = { "a.weight": weight, "a.weight_scale": scale(2), ...comfy };
    assertEquals(await values(tensors), [[2, 4], [6, -2]]);
    const rows = { ...scale(2, 10), dims: [2, 1] };
    assertEquals(await values({ "a.weight": weight, "a.weight_scale": rows }), [[2, 4], [30, -10]]);
  });

  it("leaves tensors of other types and names alone", async () => {
    const tensors = { "a.weight": scale(1, 2), "a.weight_scale": scale(2), "b.scale": weight };
    assertEquals([...await withScales(Object.entries(tensors))], Object.entries(tensors));
  });

  const refused: Record<string, [Record<string, StoredTensor>, string, string]> = {
    "scales of blocks": [
      { "a.weight": weight, "a.weight_scale": scale(1, 2, 3) },
      "unsupported_option",
      "it has 3 numbers [3] for a weight of [2, 2]; supported are one number, and one for each row",
    ],
    "a scale that is not finite": [
      { "a.weight": weight, "a.weight_scale": scale(Infinity) },
      "invalid_safetensors",
      "it must be finite, but has Infinity",
    ],
    "a format of ComfyUI that is not float8": [
      { "a.weight": weight, "a.comfy_quant": json('{"format": "nvfp4"}') },
      "unsupported_option",
      'format must be one of float8_e4m3fn, float8_e4m3fn_rowwise, float8_e5m2, int8_tensorwise without convrot, but is "nvfp4"',
    ],
    "int8 that ComfyUI has rotated": [
      {
        "a.weight": { ...weight, dtype: "int8" },
        "a.weight_scale": scale(1),
        "a.comfy_quant": json(
          '{"format": "int8_tensorwise", "convrot": true, "convrot_groupsize": 2}',
        ),
      },
      "unsupported_option",
      'but is "int8_tensorwise" with convrot',
    ],
    "blocks of four bits": [
      { "a.weight": { ...weight, dtype: "uint8" }, "a.weight_scale": weight },
      "unsupported_option",
      'Cannot read "a.weight": it is uint8 with a scale',
    ],
    "scales of scales": [
      { "a.weight": weight, "a.weight_scale": scale(1), "a.weight_scale_2": scale(1) },
      "unsupported_option",
      'Cannot read "a.weight_scale_2"',
    ],
    "scales of blocks, as many as rows": [
      {
        "a.weight": { ...weight, dims: [4, 1] },
        "a.weight_scale": { ...scale(1, 2, 3, 4), dims: [2, 2] },
      },
      "unsupported_option",
      "it has 4 numbers [2, 2]",
    ],
    "a format that is no JSON": [
      { "a.weight": weight, "a.comfy_quant": json("{") },
      "invalid_safetensors",
      "no JSON",
    ],
  };
  for (const [what, [tensors, code, message]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const error = await assertRejects(() => withScales(Object.entries(tensors)), DenoiseError);
      assertEquals(error.code, code);
      assertStringIncludes(error.message, message);
    });
  }
});

describe("splitRows()", () => {
  it("gives each part the scales of its rows", async () => {
    const rows = splitRows({ ...weight, scale: scale(2, 10) }, 2);
    assertEquals(await Promise.all(rows.map(async (row) => (await readTensor(row)).toNested())), [
      [[2, 4]],
      [[30, -10]],
    ]);
    const one = splitRows({ ...weight, scale: scale(2) }, 2);
    assertEquals((await readTensor(one[1]!)).toNested(), [[6, -2]]);
  });
});
