import type { StoredTensor } from "@denoise/safetensors";
import { encodeModel, type NodeSpec, type PortSpec } from "./onnx_proto.ts";

/** A graph as bytes, and where its weights lie. */
export interface BuiltGraph {
  /** The bytes of an .onnx file. */
  readonly model: Uint8Array<ArrayBuffer>;
  /** The folder that holds all weight files, at any depth; the graph names them relative to it. */
  readonly folder?: string | undefined;
  /** The weight files. */
  readonly files: readonly string[];
  /** Whether weights stay as they are stored and are widened at each run. */
  readonly widens: boolean;
  /** Whether it is written for a card that wants the channels of images last. */
  readonly channelsLast: boolean;
  /** Bytes of its weights. */
  readonly bytes: number;
}

/** A constant tensor. */
export interface Initializer extends Pick<StoredTensor, "dtype" | "dims" | "data"> {
  /** Unique in the graph. */
  readonly name: string;
}

/** What a graph consists of. */
export interface GraphContents {
  /** In an order in which they can run. */
  readonly nodes: readonly NodeSpec[];
  /** Constants, those that no node takes too. */
  readonly initializers: readonly Initializer[];
  /** What is put in, and constants that are inputs too. */
  readonly inputs: readonly PortSpec[];
  /** What comes out. */
  readonly outputs: readonly PortSpec[];
  /** The standard's set of operators. */
  readonly opset: number;
  /** Whether weights stay as they are stored and are widened at each run. */
  readonly widens: boolean;
}

/** Operators that take the channels of images last. */
const CHANNELS_LAST = ["GroupNorm", "SkipGroupNorm"];

/** Writes a graph with the constants that its nodes take. */
export function writeGraph(name: string, contents: GraphContents): BuiltGraph {
  const { nodes, inputs, outputs, opset, widens } = contents;
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const needed = contents.initializers.filter((weight) => used.has(weight.name));
  const stored = needed.flatMap(({ data }) => data instanceof Uint8Array ? [] : [data.file]);
  const files = [...new Set(stored)];
  const folder = commonFolder(files);
  const idle = new Set(contents.initializers.map((weight) => weight.name)).difference(used);
  const initializers = needed.map(({ data, ...rest }) => ({
    ...rest,
    data: data instanceof Uint8Array ? data : {
      location: data.file.slice(folder!.length).replace(/^[/\\]/, ""),
      offset: data.offset,
      length: data.length,
    },
  }));
  const model = encodeModel({
    name,
    opset,
    nodes,
    initializers,
    inputs: inputs.filter((input) => !idle.has(input.name)),
    outputs,
  });
  const has = (types: readonly string[]) => nodes.some(({ type }) => types.includes(type));
  const channelsLast = has(CHANNELS_LAST) && !has(["InstanceNormalization"]);
  const bytes = needed.reduce((sum, { data }) => sum + data.length, 0);
  return { model, folder, files, widens, channelsLast, bytes };
}

/** The deepest folder that holds all files, without a slash at its end unless it is the root. */
function commonFolder(files: readonly string[]): string | undefined {
  const [first, ...rest] = files.map((file) => file.split(/[/\\]/).slice(0, -1));
  if (first === undefined) return undefined;
  const depth = first.findIndex((part, index) => rest.some((parts) => parts[index] !== part));
  if (depth === 0) throw new RangeError(`Weights must lie on one drive: ${files.join(", ")}`);
  const folder = files[0]!.slice(
    0,
    first.slice(0, depth === -1 ? undefined : depth).join("/").length,
  );
  return folder === "" ? "/" : folder;
}
