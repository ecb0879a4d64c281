import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { inlineEngine } from "@denoise/onnx";
import { openSafetensors, saveSafetensors, writeSafetensors } from "@denoise/safetensors";
import { Checkpoint, Graph, Scope } from "@denoise/onnx/graph";
import { linear } from "@denoise/onnx/nn";

interface Memory {
  readonly anon: number;
  readonly file: number;
}

type Stored = "float32" | "float16" | "bfloat16" | "float8_e4m3fn";

const MB = 2 ** 20;

/** What the memory of a process is like around a session of so many matrices of that width. */
async function measure(count: number, width: number, dtype: Stored, scaled = false) {
  const folder = await Deno.makeTempDir();
  const one = { float32: 0x3f800000, float16: 0x3c00, bfloat16: 0x3f80, float8_e4m3fn: 0x38 };
  const Bits = { float32: Uint32Array, float8_e4m3fn: Uint8Array, float16: Uint16Array }[
    dtype === "bfloat16" ? "float16" : dtype
  ];
  const data = new Bits(width * width).fill(one[dtype]);
  const bytes = () => Promise.resolve(new Uint8Array(data.buffer));
  const factor = () => Promise.resolve(new Uint8Array(new Float32Array([1 / width]).buffer));
  const tensors = Array.from({ length: count }, (_, i) => [
    { name: `${i}.weight`, dtype, dims: [width, width], bytes },
    ...(scaled
      ? [{ name: `${i}.scale_weight`, dtype: "float32" as const, dims: [], bytes: factor }]
      : []),
  ]);
  await writeSafetensors(`${folder}/model.safetensors`, tensors.flat(), {});
  const program = new URL("testdata/measure_memory.ts", import.meta.url).pathname;
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", program, folder],
  }).output();
  await Deno.remove(folder, { recursive: true });
  assert(success, new TextDecoder().decode(stderr));
  const { before, running, released } = JSON.parse(new TextDecoder().decode(stdout));
  const since = (now: Memory): Memory => ({
    anon: now.anon - before.anon,
    file: now.file - before.file,
  });
  return { running: since(running), released: since(released) };
}

describe("a session's memory", { ignore: Deno.build.os !== "linux" }, () => {
  it("holds no copy of float32 weights, and is given back", async () => {
    const { running, released } = await measure(3, 4096, "float32"); // 192 MB
    // 1 MB measured, for buffers
    assert(running.anon < 48 * MB, `the weights were copied: ${running.anon}`);
    assert(running.file > 96 * MB, `the weights are not mapped: ${running.file}`);
    assert(released.anon < 48 * MB, `buffers were kept: ${released.anon}`);
    assert(released.file < 48 * MB, `the file is still mapped: ${released.file}`);
  });

  for (
    const [dtype, scaled] of [
      ["float16", false],
      ["bfloat16", false],
      ["float8_e4m3fn", false],
      ["float8_e4m3fn", true],
    ] as const
  ) {
    it(`is at most a fifth more than a ${dtype} file${scaled ? " with scales" : ""}`, async () => {
      const count = dtype === "float8_e4m3fn" ? 192 : 96;
      const file = count * 1024 ** 2 * (dtype === "float8_e4m3fn" ? 1 : 2); // 192 MB
      const { running, released } = await measure(count, 1024, dtype, scaled);
      const resident = running.anon + running.file;
      assert(resident < 1.2 * file, `${resident} of ${file}`);
      assert(running.file > 0.9 * file, `the weights are not mapped: ${running.file}`);
      assert(released.anon + released.file < 48 * MB, `it was kept: ${released.anon}`);
    });
  }
});

describe("sessions made at once", () => {
  it("share one file", async () => {
    const path = await Deno.makeTempDir();
    const weight = Tensor.from([[1, 2], [3, 4]]);
    await saveSafetensors(`${path}/model.safetensors`, { "a.weight": weight });
    const { tensors } = await openSafetensors(`${path}/model.safetensors`);
    const engine = inlineEngine();
    const results = await Promise.all(Array.from({ length: 8 }, async (_, index) => {
      const graph = new Graph();
      const s = new Scope(graph, new Checkpoint(tensors));
      graph.output("y", linear(s.at("a"), graph.input("x", "float32", [1, 2]), { bias: false }));
      const session = await engine.createSession({ ...graph.build("one"), name: "one" });
      return (await session.run({ x: Tensor.from([[index, 0]]) }))["y"]!.toNested();
    }));
    assertEquals(results, Array.from({ length: 8 }, (_, index) => [[index, 3 * index]]));
    await engine.close();
    await Deno.remove(path, { recursive: true });
  });
});
