import type { Tensor } from "@denoise/core";
import { dataType } from "../../graph/onnx_proto.ts";
import type { Tensors } from "../engine.ts";
import { cString, type Handle, stored, text } from "./api.ts";
import { cardLock, type CudaDevice } from "./cuda.ts";
import { boundOutputs, hostValue } from "./host_memory.ts";
import { Owned } from "./owned.ts";
import { addressOf, Resident, residentTensor } from "./resident.ts";
import type { Call, ExecuteOptions, Memory, Session } from "./session.ts";
import { byteLength, bytesFor, infoOf, tensorOf, type ValueInfo } from "./values.ts";

/** Shapes of inputs whose memory is kept, of one session: the last used. */
const KEPT_SHAPES = 8;
/** The run setting that names a graph, and its value for a run without one. */
const GRAPH = "gpu_graph_id";
const NO_GRAPH = "-1";

/** A value in memory of its own on the card. */
interface Place extends ValueInfo {
  readonly address: Deno.PointerObject;
  readonly length: number;
  readonly value: Handle;
}

/** A run that is captured: what it is bound to. */
interface Graph {
  readonly id: number;
  readonly shapes: Shapes;
  readonly owned: Owned;
  readonly binding: Handle;
  readonly outputs: readonly Place[];
}

/** What runs with inputs of the same shapes, and the same outputs, use again and again. */
interface Shapes {
  readonly owned: Owned;
  readonly inputs: ReadonlyMap<string, Place>;
  /** The tensor that each input holds a copy of. */
  readonly held: Map<string, WeakRef<Tensor>>;
  /** What the first run gave. */
  outputs?: readonly ValueInfo[];
}

/**
 * Inputs and outputs on a card of NVIDIA's. An input that is the same tensor as in the run before is
 * not copied again. The second run in a row with the same shapes is captured as a CUDA graph, which
 * the next launch as a whole instead of kernel by kernel:
 * https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html#using-cuda-graphs
 *
 * A graph writes where it wrote when it was captured, so what outlives a run lies in memory that is
 * allocated here and not in the session's arena. It also reads what kernels such as Concat of unequal
 * parts had put into memory of the CPU, which the next run that is no launch of it overwrites: so a
 * session has one graph, and other shapes end it.
 */
export class CudaMemory implements Memory {
  readonly #session: Session;
  readonly #device: CudaDevice;
  readonly #info: Handle;
  /** Inputs that are read on the CPU: a captured graph would keep their first values. */
  readonly #onHost: ReadonlySet<string>;
  readonly #shapes = new Map<string, Shapes>();
  /** How a run goes that is not captured. */
  readonly #withoutGraph: ExecuteOptions;
  #captures: boolean;
  #graph: Graph | undefined;
  /** Shapes of the run before. */
  #last: Shapes | undefined;
  #graphs = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** @param captures Whether the session was made to capture graphs. */
  constructor(session: Session, device: CudaDevice, captures: boolean) {
    const { call } = session.ort;
    this.#session = session;
    this.#device = device;
    this.#info = stored((place) =>
      call.CreateMemoryInfo(cString("Cuda"), 0, device.index, 0, place)
    );
    this.#onHost = inputsOnHost(session);
    this.#withoutGraph = captures ? { settings: { [GRAPH]: NO_GRAPH } } : {};
    this.#captures = captures && this.#onHost.size === 0;
  }

  /** One run at a time, since each writes to the same places. */
  run(call: Call): Promise<Tensors> {
    const run = this.#queue.then(() => this.#run(call));
    this.#queue = run.catch(() => {});
    return run;
  }

  async #run(call: Call): Promise<Tensors> {
    const lock = cardLock(this.#device.index);
    const shapes = this.#shapesOf(call);
    const graph = this.#graph;
    if (graph?.shapes === shapes) {
      return await lock.together(() => this.#runGraph(graph, call));
    }
    await this.#endGraph();
    const again = this.#last === shapes && shapes.outputs !== undefined;
    this.#last = shapes;
    if (this.#captures && again) {
      return await lock.alone(() => this.#capture(shapes, call));
    }
    return await lock.together(() => this.#runOnce(shapes, call));
  }

  /** A run whose outputs onnxruntime allocates. */
  async #runOnce(shapes: Shapes, call: Call): Promise<Tensors> {
    const { inputs, outputs, execute, onDevice } = call;
    const { ort, session, allocator, inputs: ports } = this.#session;
    using owned = new Owned(ort);
    const binding = owned.keep("IoBinding", (place) => ort.call.CreateIoBinding(session, place));
    this.#upload(shapes, inputs);
    for (const [name, { value }] of shapes.inputs) {
      ort.call.BindInput(binding, cString(name), value);
    }
    for (const name of this.#onHost) {
      const value = hostValue(ort, allocator, ports.get(name)!, inputs.get(name)!, owned);
      ort.call.BindInput(binding, cString(name), value);
    }
    for (const name of outputs) ort.call.BindOutputToDevice(binding, cString(name), this.#info);
    await execute(binding, this.#withoutGraph);
    const values = boundOutputs(ort, binding, allocator, owned);
    const infos = values.map((value) => infoOf(ort, value));
    shapes.outputs = infos;
    const places = values.map((value, index) => {
      const info = infos[index]!;
      if (byteLength(info) === 0) return { ...info, address: null };
      return { ...info, address: stored((place) => ort.call.GetTensorMutableData(value, place)) };
    });
    return this.#results(places, outputs, onDevice);
  }

  /** Tensors of outputs on the card, whose memory is about to change. */
  #results(
    places: readonly (ValueInfo & { readonly address: Deno.PointerValue })[],
    outputs: readonly string[],
    onDevice: boolean,
  ): Tensors {
    const results = places.map(({ dtype, dims, address }, index) => {
      const info = { dtype, dims };
      return [outputs[index]!, this.#result(info, address, onDevice)];
    });
    this.#device.wait();
    return Object.fromEntries(results);
  }

  #result(info: ValueInfo, address: Deno.PointerValue, onDevice: boolean): Tensor {
    if (address === null) return tensorOf(info, new Uint8Array());
    if (onDevice) return residentTensor(new Resident(this.#device, info, address));
    return tensorOf(info, this.#device.download(address, byteLength(info)));
  }

  /** The run that becomes a graph; one that cannot be captured goes as all before it. */
  async #capture(shapes: Shapes, call: Call): Promise<Tensors> {
    const graph = this.#bind(shapes, call.outputs);
    try {
      const results = await this.#runGraph(graph, call);
      this.#graph = graph;
      return results;
    } catch (error) {
      this.#captures = false;
      graph.owned[Symbol.dispose]();
      const results = await this.#runOnce(shapes, call);
      console.warn(`CUDA graphs are off for this model: ${(error as Error).message}`);
      return results;
    }
  }

  async #runGraph(graph: Graph, call: Call): Promise<Tensors> {
    const { inputs, outputs, execute, onDevice } = call;
    this.#upload(graph.shapes, inputs);
    await execute(graph.binding, { settings: { [GRAPH]: `${graph.id}` }, whole: true });
    return this.#results(graph.outputs, outputs, onDevice);
  }

  #bind(shapes: Shapes, outputs: readonly string[]): Graph {
    const { ort, session } = this.#session;
    const owned = new Owned(ort);
    try {
      const binding = owned.keep("IoBinding", (place) => ort.call.CreateIoBinding(session, place));
      for (const [name, { value }] of shapes.inputs) {
        ort.call.BindInput(binding, cString(name), value);
      }
      const places = shapes.outputs!.map((info) => this.#place(info, owned));
      for (const [index, { value }] of places.entries()) {
        ort.call.BindOutput(binding, cString(outputs[index]!), value);
      }
      return { id: ++this.#graphs, shapes, owned, binding, outputs: places };
    } catch (error) {
      owned[Symbol.dispose]();
      throw error;
    }
  }

  /** Copies to the card what is not there from the run before. */
  #upload(shapes: Shapes, inputs: ReadonlyMap<string, Tensor>): void {
    for (const [name, { address, length }] of shapes.inputs) {
      const tensor = inputs.get(name)!;
      if (shapes.held.get(name)?.deref() === tensor) continue;
      shapes.held.delete(name);
      const port = this.#session.inputs.get(name)!;
      const there = addressOf(tensor, this.#device, port.dtype);
      if (there === undefined) this.#device.upload(address, bytesFor(port, tensor));
      else this.#device.copy(address, there, length);
      shapes.held.set(name, new WeakRef(tensor));
    }
    this.#device.wait();
  }

  async #endGraph(): Promise<void> {
    const graph = this.#graph;
    if (graph === undefined) return;
    this.#graph = undefined;
    const { session } = this.#session;
    await this.#device.thread.call("SessionReleaseCapturedGraph", session, graph.id);
    graph.owned[Symbol.dispose]();
  }

  #shapesOf({ inputs, outputs }: Call): Shapes {
    const sizes = [...inputs].map(([name, { dims }]) => `${name} ${dims.join("x")}`).sort();
    const key = [...sizes, ...outputs].join(", ");
    const shapes = this.#shapes.get(key) ?? this.#makeShapes(inputs);
    this.#shapes.delete(key);
    this.#shapes.set(key, shapes); // the last used stands last
    for (const [old, unused] of [...this.#shapes].slice(0, -KEPT_SHAPES)) {
      this.#shapes.delete(old);
      if (this.#last === unused) this.#last = undefined;
      unused.owned[Symbol.dispose]();
    }
    return shapes;
  }

  #makeShapes(inputs: ReadonlyMap<string, Tensor>): Shapes {
    const owned = new Owned(this.#session.ort);
    const places = new Map<string, Place>();
    try {
      for (const [name, { dims }] of inputs) {
        if (this.#onHost.has(name)) continue;
        const { dtype } = this.#session.inputs.get(name)!;
        places.set(name, this.#place({ dtype, dims }, owned));
      }
    } catch (error) {
      owned[Symbol.dispose]();
      throw error;
    }
    return { owned, inputs: places, held: new Map() };
  }

  #place(info: ValueInfo, owned: Owned): Place {
    const { dtype, dims } = info;
    const length = byteLength(info);
    const address = this.#device.allocate(length);
    owned.defer(() => this.#device.free(address));
    const value = owned.keep(
      "Value",
      (place) =>
        this.#session.ort.call.CreateTensorWithDataAsOrtValue(
          this.#info,
          address,
          BigInt(length),
          BigInt64Array.from(dims, BigInt),
          BigInt(dims.length),
          dataType(dtype),
          place,
        ),
    );
    return { dtype, dims, address, length, value };
  }

  release(): void {
    this.#graph?.owned[Symbol.dispose]();
    for (const { owned } of this.#shapes.values()) owned[Symbol.dispose]();
    this.#shapes.clear();
    this.#session.ort.release("MemoryInfo", this.#info);
  }
}

/** Inputs that onnxruntime wants in memory of the CPU, such as those that sizes are made of. */
function inputsOnHost({ ort, session, inputs }: Session): ReadonlySet<string> {
  const infos = new BigUint64Array(inputs.size);
  ort.call.SessionGetMemoryInfoForInputs(session, infos, BigInt(inputs.size));
  return new Set([...inputs.keys()].filter((_, index) => {
    const info = Deno.UnsafePointer.create(infos[index]!);
    return text(stored((place) => ort.call.MemoryInfoGetName(info, place))) !== "Cuda";
  }));
}
