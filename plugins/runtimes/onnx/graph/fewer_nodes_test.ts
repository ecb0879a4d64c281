import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { Tensor } from "@denoise/core";
import { storedTensor } from "@denoise/safetensors";
import { inlineEngine } from "../engine/inline.ts";
import { Graph } from "./graph.ts";
import { lowerings } from "./lowering.ts";
import { floatAttribute, MICROSOFT } from "./mod.ts";

/** The operators of a graph, by how often they stand in it. */
function operators(model: Uint8Array): Record<string, number> {
  const text = new TextDecoder("latin1").decode(model);
  const names = ["QuickGelu", "FusedMatMul", "Split"];
  // the type of a node: field 4 of NodeProto, its length, its name
  return Object.fromEntries(
    names.map((name) => [
      name,
      text.split(`\x22${String.fromCharCode(name.length)}${name}`).length - 1,
    ]),
  );
}

/** A graph of three products with an activated value, two of them of equal sizes. */
function products(graph: Graph): { readonly model: Uint8Array<ArrayBuffer> } {
  const x = graph.input("x", "float32", ["rows", 2]);
  const weights = [
    [[1, 2], [3, 4], [5, 6]],
    [[7, 8], [9, 10], [11, 12]],
    [[13, 14]],
  ];
  for (const [i, rows] of weights.entries()) {
    const weight = graph.weight(
      `weight${i}`,
      storedTensor(Tensor.from(rows.flat(), [rows.length, 2])),
    );
    const active = graph.node("QuickGelu", [x], { alpha: floatAttribute(1) }, {
      domain: MICROSOFT,
    });
    const product = graph.node("FusedMatMul", [active, weight], { transB: 1 }, {
      domain: MICROSOFT,
    });
    graph.output(`y${i}`, product);
  }
  return graph.build("products");
}

describe("Graph.build() for a card", () => {
  it("makes equal nodes once, and products of a value at once", async () => {
    const many = products(new Graph());
    const few = products(new Graph({ lowering: lowerings.cuda }));
    assertEquals(operators(many.model), { QuickGelu: 3, FusedMatMul: 3, Split: 0 });
    assertEquals(operators(few.model), { QuickGelu: 1, FusedMatMul: 2, Split: 1 });
    const engine = inlineEngine();
    const results = await Promise.all([many, few].map(async ({ model }) => {
      const session = await engine.createSession({ model, name: "products" });
      const { y0, y1, y2 } = await session.run({ x: Tensor.from([1, -2, 3, 4], [2, 2]) });
      await session.release();
      return [y0, y1, y2].map((y) => y!.toNested());
    }));
    assertEquals(results[1], results[0]);
  });
});
