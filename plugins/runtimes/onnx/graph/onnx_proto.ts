/**
 * The part of the ONNX format that graphs are written in: field numbers of onnx.proto (IR version
 * 10), https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto
 *
 * @module
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Attribute, Attributes, Dim, ElementType } from "./value.ts";

const IR_VERSION = 10;
/** The domain of onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

/** `TensorProto.DataType`. */
const DATA_TYPE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8_e4m3fn: 17,
  float8_e5m2: 19,
};

/** `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The number that an attribute such as `to` of Cast has for a type. */
export function dataType(dtype: ElementType): number {
  return DATA_TYPE[dtype];
}

/** A node as it will be written. */
export interface NodeSpec {
  /** Unique in the graph. */
  readonly name: string;
  /** The operator. */
  readonly type: string;
  /** Whose operator it is; `""` is the standard. */
  readonly domain: string;
  /** Names of values; `""` leaves an optional input out. */
  readonly inputs: readonly string[];
  /** Names of values; `""` leaves an optional output out. */
  readonly outputs: readonly string[];
  /** By their ONNX names. */
  readonly attributes: Attributes;
  /** Whether all inputs are known to have the same sizes; it is not written. */
  readonly sameSizes?: boolean;
}

/** A constant tensor as it will be written: its bytes, or where they lie in another file. */
export interface InitializerSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly dims: readonly number[];
  readonly data: Uint8Array | {
    readonly location: string;
    readonly offset: number;
    readonly length: number;
  };
}

/** An input or output of the graph as it will be written. */
export interface PortSpec {
  /** Unique in the graph. */
  readonly name: string;
  /** The element type. */
  readonly dtype: ElementType;
  /** Absent when the sizes follow from the graph. */
  readonly dims?: readonly Dim[] | undefined;
}

/** A whole model as it will be written. */
export interface ModelSpec {
  readonly name: string;
  /** Version of the standard's operators. */
  readonly opset: number;
  readonly nodes: readonly NodeSpec[];
  readonly initializers: readonly InitializerSpec[];
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
}

type Write<T> = (writer: BinaryWriter, value: T) => void;

function message<T>(writer: BinaryWriter, field: number, value: T, write: Write<T>): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer, value);
  writer.join();
}

function string(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function int(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function writeAttribute(writer: BinaryWriter, [name, value]: [string, Attribute]): void {
  string(writer, 1, name);
  if (typeof value === "string") {
    string(writer, 4, value);
    int(writer, 20, ATTRIBUTE_TYPE.string);
  } else if (typeof value === "number") {
    int(writer, 3, value);
    int(writer, 20, ATTRIBUTE_TYPE.int);
  } else if ("float" in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    int(writer, 20, ATTRIBUTE_TYPE.float);
  } else {
    value.forEach((item) => int(writer, 8, item));
    int(writer, 20, ATTRIBUTE_TYPE.ints);
  }
}

function writeNode(writer: BinaryWriter, node: NodeSpec): void {
  node.inputs.forEach((name) => string(writer, 1, name));
  node.outputs.forEach((name) => string(writer, 2, name));
  string(writer, 3, node.name);
  string(writer, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value !== undefined) message(writer, 5, [name, value], writeAttribute);
  }
  if (node.domain !== "") string(writer, 7, node.domain);
}

function writeEntry(writer: BinaryWriter, [key, value]: [string, string]): void {
  string(writer, 1, key);
  string(writer, 2, value);
}

function writeInitializer(writer: BinaryWriter, tensor: InitializerSpec): void {
  tensor.dims.forEach((dim) => int(writer, 1, dim));
  int(writer, 2, DATA_TYPE[tensor.dtype]);
  string(writer, 8, tensor.name);
  if (tensor.data instanceof Uint8Array) {
    writer.tag(9, WireType.LengthDelimited).bytes(tensor.data);
    return;
  }
  message(writer, 13, ["location", tensor.data.location], writeEntry);
  message(writer, 13, ["offset", `${tensor.data.offset}`], writeEntry);
  message(writer, 13, ["length", `${tensor.data.length}`], writeEntry);
  int(writer, 14, 1); // DataLocation.EXTERNAL
}

function writeDim(writer: BinaryWriter, dim: Dim): void {
  if (typeof dim === "number") int(writer, 1, dim);
  else string(writer, 2, dim);
}

function writeShape(writer: BinaryWriter, dims: readonly Dim[]): void {
  dims.forEach((dim) => message(writer, 1, dim, writeDim));
}

function writeTensorType(writer: BinaryWriter, port: PortSpec): void {
  int(writer, 1, DATA_TYPE[port.dtype]);
  if (port.dims !== undefined) message(writer, 2, port.dims, writeShape);
}

function writePort(writer: BinaryWriter, port: PortSpec): void {
  string(writer, 1, port.name);
  message(writer, 2, port, (type) => message(type, 1, port, writeTensorType));
}

function writeGraph(writer: BinaryWriter, model: ModelSpec): void {
  model.nodes.forEach((node) => message(writer, 1, node, writeNode));
  string(writer, 2, model.name);
  model.initializers.forEach((tensor) => message(writer, 5, tensor, writeInitializer));
  model.inputs.forEach((port) => message(writer, 11, port, writePort));
  model.outputs.forEach((port) => message(writer, 12, port, writePort));
}

function writeOpset(writer: BinaryWriter, [domain, version]: [string, number]): void {
  string(writer, 1, domain);
  int(writer, 2, version);
}

/** Writes a model as the bytes of an .onnx file. */
export function encodeModel(model: ModelSpec): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  int(writer, 1, IR_VERSION);
  string(writer, 2, "denoise");
  message(writer, 7, model, writeGraph);
  message(writer, 8, ["", model.opset], writeOpset);
  message(writer, 8, [MICROSOFT, 1], writeOpset);
  return writer.finish() as Uint8Array<ArrayBuffer>;
}

/** A node as it stands in a model's bytes. */
export interface ReadNode {
  /** Its name. */
  readonly name: string;
  /** Names of the values that it gives. */
  readonly outputs: readonly string[];
}

/** The fields of a message that have a number, as their bytes. */
function* fields(bytes: Uint8Array, wanted: number): Generator<Uint8Array> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) yield reader.bytes();
    else reader.skip(type, field);
  }
}

/** The nodes of a model in their order, and the names of its outputs. */
export function readGraph(
  model: Uint8Array,
): { readonly nodes: readonly ReadNode[]; readonly outputs: readonly string[] } {
  const decoder = new TextDecoder();
  const texts = (message: Uint8Array, field: number) =>
    Array.from(fields(message, field), (bytes) => decoder.decode(bytes));
  const graphs = [...fields(model, 7)];
  const nodes = graphs.flatMap((graph) => [...fields(graph, 1)]);
  const ports = graphs.flatMap((graph) => [...fields(graph, 12)]);
  return {
    nodes: nodes.map((node) => ({ name: texts(node, 3)[0] ?? "", outputs: texts(node, 2) })),
    outputs: ports.flatMap((port) => texts(port, 1)),
  };
}

/**
 * A model with more of its values as outputs, whose types the runtime infers. A message that stands twice is
 * merged by readers, so the outputs are written behind it.
 */
export function addOutputs(
  model: Uint8Array,
  names: readonly string[],
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  message(writer, 7, names, (graph) => {
    for (const name of names) message(graph, 12, name, (port) => string(port, 1, name));
  });
  const more = writer.finish();
  const whole = new Uint8Array(model.length + more.length);
  whole.set(model);
  whole.set(more, model.length);
  return whole;
}
