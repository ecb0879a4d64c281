import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Tensor } from "@denoise/core";
import { runLayers } from "@denoise/onnx/testing";
import { conv2d, linear, mul } from "@denoise/onnx/nn";
import { checkpointOf } from "@denoise/onnx/testing";
import { openSafetensors, readTensor, type StoredTensor, storedTensor } from "@denoise/safetensors";
import { assertAllUsed, Checkpoint, Graph, lowerings, Scope, type WeightDType } from "./mod.ts";
import { inlineEngine } from "../engine/inline.ts";
import { assertLinear } from "../../../../tests/support/work.ts";

const tensor = Tensor.from([[1, 2], [3, 4]]);
const names = ["conv_in.weight", "blocks.0.norm.weight", "blocks.1.norm.weight", "blocks.x.weight"];
const checkpoint = () => checkpointOf(Object.fromEntries(names.map((name) => [name, tensor])));

describe("Scope", () => {
  it("walks the checkpoint by its own names", () => {
    const s = new Scope(new Graph(), checkpoint());
    assertEquals(s.at("blocks", 1, "norm").path, "blocks.1.norm");
    assertEquals(s.at("blocks.1").at("norm").path, "blocks.1.norm");
    assertEquals(s.shape("conv_in.weight"), [2, 2]);
  });

  it("knows what an adapter has added, and says nothing of the model's own tensors", () => {
    const extended = checkpoint().with([["blocks.1.ip.weight", checkpoint().peek(names[0]!)!]]);
    const s = new Scope(new Graph(), extended).at("blocks", 1);
    for (const name of ["ip", "ip.weight"]) assertEquals(s.added(name), true, name);
    for (const name of ["norm", "norm.weight", "i"]) assertEquals(s.added(name), false, name);
  });

  it("names the module and the tensor that is missing", () => {
    const s = new Scope(new Graph(), checkpoint()).at("blocks.0.conv1");
    const message =
      'Cannot build blocks.0.conv1: the checkpoint has no tensor "blocks.0.conv1.weight"';
    const x = s.graph.input("x", "float32", ["n", 2, "h", "w"]);
    assertEquals(assertThrows(() => conv2d(s, x), DenoiseError, message).code, "missing_tensor");
    assertThrows(() => s.shape("weight"), DenoiseError, message);
  });

  it("sees a tensor with other sizes of the same product, and no others", () => {
    const s = new Scope(new Graph(), checkpoint());
    assertEquals(s.tensor("conv_in.weight", [4, 1]).dims, [4, 1]);
    assertThrows(
      () => s.tensor("conv_in.weight", [3]),
      DenoiseError,
      "is [2, 2], where [3] is needed",
    );
  });

  it("gives a tensor the same value each time", () => {
    const s = new Scope(new Graph(), checkpoint());
    assertEquals(s.tensor("conv_in.weight"), s.tensor("conv_in.weight"));
    assert(s.tensor("conv_in.weight").name !== s.tensor("conv_in.weight", [4]).name);
  });
});

describe("Checkpoint", () => {
  it("lists what no graph has used", () => {
    const weights = checkpoint();
    const s = new Scope(new Graph(), weights);
    s.tensor("conv_in.weight");
    s.shape("blocks.0.norm.weight");
    assertEquals(weights.unused(), names.slice(1));
    assertEquals(weights.numParameters, 4);
    const error = assertThrows(
      () => assertAllUsed(weights, "Model"),
      DenoiseError,
      `Cannot build Model: its config has no place for 3 of the checkpoint's tensors: "blocks.0`,
    );
    assertEquals(error.code, "unexpected_tensor");
  });

  it("leaves alone what may be ignored", () => {
    const tensors = [...checkpoint().entries()];
    const weights = new Checkpoint(tensors, { ignore: [/^blocks\./, /^conv_in/] });
    assertEquals(weights.unused(), []);
    assertAllUsed(weights, "Model");
  });
});

describe("Graph", () => {
  it("gives every node a name that says its module", () => {
    const graph = new Graph();
    const s = new Scope(graph, checkpoint()).at("blocks", 0);
    const x = graph.input("x", "float32", ["n"]);
    const values = [s.op("Neg", [x]), s.op("Neg", [x]), s.at("norm").op("Neg", [x])];
    assertEquals(values.map(({ name }) => name), [
      "blocks.0/Neg",
      "blocks.0/Neg~1",
      "blocks.0.norm/Neg",
    ]);
  });

  it("refuses an input or output whose name is taken", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n"]);
    assertThrows(() => graph.input("x", "float32", ["n"]), TypeError, 'Cannot name an input "x"');
    assertThrows(() => graph.output("x", x), TypeError, 'Cannot name an output "x"');
  });

  it("writes equal constants once", () => {
    const graph = new Graph();
    assertEquals(graph.ints([0, -1]), graph.ints([0, -1]));
    assertEquals(graph.scalar(0.5), graph.scalar(0.5));
    assert(graph.scalar(1).name !== graph.ints([1]).name);
    assert(graph.scalar(1).name !== graph.scalar(1, "float16").name);
  });

  it("leaves out nodes and weights on which no output depends", () => {
    const graph = new Graph();
    const stored = (file: string) => ({
      dtype: "float32" as const,
      dims: [1],
      data: { file, offset: 8, length: 4 },
    });
    const x = graph.input("x", "float32", [1]);
    const sum = graph.node("Add", [x, graph.weight("kept", stored("/repo/1.safetensors"))]);
    graph.node("Mul", [sum, graph.weight("idle", stored("/repo/2.safetensors"))]);
    graph.output("y", sum);
    const { model, files } = graph.build("cut");
    assertEquals(files, ["/repo/1.safetensors"]);
    const text = new TextDecoder().decode(model);
    for (const name of ["Add", "kept"]) assert(text.includes(name), name);
    for (const name of ["Mul", "idle"]) assert(!text.includes(name), name);
  });

  it("names weight files relative to the folder that holds all of them", () => {
    const graph = new Graph();
    const stored = (file: string) => ({
      dtype: "float32" as const,
      dims: [1],
      data: { file, offset: 8, length: 4 },
    });
    const use = (of: Graph, name: string, tensor: StoredTensor) =>
      of.output(`out of ${name}`, of.weight(name, tensor));
    assertEquals(graph.build("empty").folder, undefined);
    use(graph, "a", stored("/repo/unet/1.safetensors"));
    assertEquals(graph.build("one").folder, "/repo/unet");
    use(graph, "b", stored("/repo/unet/2.safetensors"));
    assertEquals(graph.build("same").folder, "/repo/unet");
    use(graph, "c", stored("/repo/lora/1.safetensors"));
    assertEquals(graph.build("two").folder, "/repo");
    use(graph, "d", stored("/other/1.safetensors"));
    const { model, folder } = graph.build("far");
    assertEquals(folder, "/");
    assert(new TextDecoder().decode(model).includes("repo/unet/1.safetensors"));

    const windows = new Graph();
    use(windows, "a", stored("C:\\repo\\unet\\1.safetensors"));
    use(windows, "b", stored("C:\\repo\\vae\\1.safetensors"));
    assertEquals(windows.build("two").folder, "C:\\repo");
    use(windows, "c", stored("D:\\repo\\vae\\1.safetensors"));
    assertThrows(() => windows.build("drives"), RangeError, "on one drive");
  });

  it("does work for a graph as it is large, not as its square", () => {
    const weights = Object.fromEntries(
      Array.from({ length: 6_500 }, (_, i) => [`layers.${i}.weight`, tensor]),
    );
    const tensors = checkpointOf(weights);
    assertLinear(325, 20, (layers) => {
      const graph = new Graph();
      const s = new Scope(graph, tensors);
      let x = graph.input("x", "float32", ["n", 2]);
      for (let i = 0; i < layers; i++) {
        x = s.op("Relu", [linear(s.at("layers", i), x, { bias: false })]);
      }
      graph.output("y", x);
      assertEquals(graph.size, 2 * layers + 1);
      return graph.build("deep");
    });
  });

  it("computes in float16 between float32 ends", async () => {
    const x = Tensor.from([[1, 0]]);
    const weights = { "conv_in.weight": tensor };
    const options = { dtype: "float16" } as const;
    const half = await runLayers(
      (s, { x }) => linear(s.at("conv_in"), x!, { bias: false }),
      { x },
      weights,
      options,
    );
    assertEquals([half.dtype, half.toNested()], ["float32", [[1, 3]]]);
  });
});

/** torch's own values, by scripts/reference/onnx_goldens.py. */
const goldens = await openSafetensors(
  new URL("../testdata/layers.safetensors", import.meta.url).pathname,
);

describe("weights of other types", () => {
  for (const held of ["float16", "bfloat16"] as const) {
    for (const kind of ["stored", "rounded"] as const) {
      const weightDType: WeightDType = kind === "rounded" ? held : "float32";
      it(`${kind} as ${held} have torch's values`, async () => {
        const graph = new Graph();
        const stored = goldens.tensors.get(`${kind}_${held}/w/weight`)!;
        const s = new Scope(graph, new Checkpoint([["weight", stored]]), "", weightDType);
        graph.output("values", s.tensor("weight"));
        const engine = inlineEngine();
        const session = await engine.createSession({ ...graph.build("held"), name: "held" });
        const { values } = await session.run({});
        const wanted = await readTensor(goldens.tensors.get(`${kind}_${held}/out`)!);
        assertEquals(values!.dims, wanted.dims);
        assert(values!.equals(wanted));
        await engine.close();
      });
    }
  }
});

describe("weights of eight bits", () => {
  for (const dtype of ["float8_e4m3fn", "float8_e5m2"] as const) {
    for (const width of [1, 1024]) { // 256 numbers are widened at the start, 2^18 of a large model at each run
      it(`are ${width * 256} numbers of ${dtype} times their scale in onnxruntime`, async () => {
        const data = Uint8Array.from({ length: 256 * width }, (_, i) => Math.floor(i / width));
        const factors = Float32Array.from({ length: 256 }, (_, i) => 1 + i / 7);
        const scale = storedTensor(Tensor.from(factors));
        const stored: StoredTensor = { dtype, dims: [256, width], data, scale };
        const graph = new Graph();
        const rest: StoredTensor = { dtype, dims: [2 ** 24], data: new Uint8Array() };
        const s = new Scope(graph, new Checkpoint([["weight", stored], ["rest", rest]]));
        graph.output("values", s.tensor("weight", [width, 256]));
        const engine = inlineEngine();
        const session = await engine.createSession({ ...graph.build("eight"), name: "eight" });
        const { values } = await session.run({});
        assertEquals(values!.data, (await readTensor(stored)).data);
        await engine.close();
      });
    }
  }
});

describe("a graph that computes in bfloat16", () => {
  it("has operator set 22 and bfloat16 constants, and never float16", () => {
    const graph = new Graph({ dtype: "bfloat16", lowering: lowerings.cuda });
    const s = new Scope(graph, checkpointOf({ "a.weight": tensor }), "", "bfloat16");
    const x = graph.cast(graph.input("x", "float32", ["n", 2]), "bfloat16");
    const y = mul(s, linear(s.at("a"), x, { bias: false }), 3);
    assertEquals(y.dtype, "bfloat16");
    graph.output("y", graph.cast(y, "float32"));
    const text = new TextDecoder("latin1").decode(graph.build("bf16").model);
    assert(text.includes("\x10\x16"), "opset_import { version: 22 }");
    assert(text.includes("\x10\x10"), "a constant of type 16");
  });
});
