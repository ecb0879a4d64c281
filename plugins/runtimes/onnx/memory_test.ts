import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { inlineEngine, openSafetensors, saveSafetensors } from "@denoise/onnx";
import { Checkpoint, Graph, Scope } from "@denoise/onnx/graph";
import { linear } from "@denoise/onnx/nn";

interface Memory {
  readonly anon: number;
  readonly file: number;
}

const MB = 2 ** 20;
const WEIGHTS = 3 * 64 * MB;

/** Three matrices of 64 MB each. */
async function folderWithWeights(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  const matrix = Tensor.full([4096, 4096], 1 / 4096);
  const tensors = Object.fromEntries(["a", "b", "c"].map((name) => [`${name}.weight`, matrix]));
  await saveSafetensors(`${path}/model.safetensors`, tensors);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

describe("a session's memory", { ignore: Deno.build.os !== "linux" }, () => {
  it("holds no copy of the weights, and is given back", async () => {
    await using folder = await folderWithWeights();
    const program = new URL("testdata/measure_memory.ts", import.meta.url).pathname;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-lock", program, folder.path],
    }).output();
    const { before, running, released }: Record<string, Memory> = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    // 1 MB measured, for buffers; a copy would be 192
    assert(running!.anon - before!.anon < WEIGHTS / 4, "the weights were copied");
    assert(running!.file - before!.file > WEIGHTS / 2, "the weights are not mapped");
    assert(released!.anon - before!.anon < WEIGHTS / 4, "buffers were kept");
    assert(released!.file - before!.file < WEIGHTS / 4, "the file is still mapped");
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
