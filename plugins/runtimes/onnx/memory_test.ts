import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { inlineEngine } from "@denoise/onnx";
import { openSafetensors, saveSafetensors } from "@denoise/safetensors";
import { Checkpoint, Graph, Scope } from "@denoise/onnx/graph";
import { linear } from "@denoise/onnx/nn";

interface Memory {
  readonly anon: number;
  readonly file: number;
}

const MB = 2 ** 20;

/** What the memory of a process is like around a session of so many matrices of that width. */
async function measure(count: number, width: number, dtype: "float32" | "float16") {
  const folder = await Deno.makeTempDir();
  const matrix = Tensor.full([width, width], 1 / width, dtype);
  const tensors = Array.from({ length: count }, (_, i) => [`${i}.weight`, matrix] as const);
  await saveSafetensors(`${folder}/model.safetensors`, Object.fromEntries(tensors));
  const program = new URL("testdata/measure_memory.ts", import.meta.url).pathname;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", program, folder],
  }).output();
  await Deno.remove(folder, { recursive: true });
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

  it("holds float16 weights once, as float32, and is given back", async () => {
    const { running, released } = await measure(48, 1024, "float16"); // 96 MB, 192 as float32
    // 197 MB measured, and 1 MB after release
    assert(running.anon < 240 * MB, `there is more than one copy: ${running.anon}`);
    assert(released.anon < 48 * MB, `the copy was kept: ${released.anon}`);
  });
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
      graph.output("y", linear(s.at("a"), graph.input("x", "float32", [1, 2])));
      const session = await engine.createSession({ ...graph.build("one"), name: "one" });
      return (await session.run({ x: Tensor.from([[index, 0]]) }))["y"]!.toNested();
    }));
    assertEquals(results, Array.from({ length: 8 }, (_, index) => [[index, 3 * index]]));
    await engine.close();
    await Deno.remove(path, { recursive: true });
  });
});
