import { dataType, type NodeSpec, type PortSpec } from "./onnx_proto.ts";
import type { ElementType } from "./value.ts";
import { type BuiltGraph, type GraphContents, writeGraph } from "./write.ts";

/** One of the parts that a graph was cut into, which run one after another. */
export interface GraphPart extends BuiltGraph {
  /** Names of what it takes: inputs of the whole, and what earlier parts give. */
  readonly inputs: readonly string[];
  /** Names of what it gives: outputs of the whole, and what later parts take. */
  readonly outputs: readonly string[];
}

/** Whether a part begins with a node, which follows another one; `index` is its place in the graph. */
export type StartsPart = (node: NodeSpec, before: NodeSpec, index: number) => boolean;

/** How a graph is cut. */
export interface PartsOptions {
  /** Nodes that make weights ready, each of which goes to all parts that need it. */
  readonly early: readonly NodeSpec[];
  /** Where parts begin. */
  readonly startsPart: (node: NodeSpec, before: NodeSpec) => boolean;
  /** Names of values that their part gives, whether or not another one takes them. */
  readonly kept: readonly string[];
  /** The type of a value that a node makes. */
  readonly dtypeOf: (value: string) => ElementType;
}

/** Writes a graph in parts. Values of 16 bits cross their borders as float32, as sessions give them. */
export function writeParts(
  name: string,
  contents: GraphContents,
  { early, startsPart, kept, dtypeOf }: PartsOptions,
): GraphPart[] {
  const parts: NodeSpec[][] = [[]];
  for (const node of contents.nodes) {
    const before = parts.at(-1)!.at(-1);
    if (before !== undefined && startsPart(node, before)) parts.push([]);
    parts.at(-1)!.push(node);
  }
  const constants = new Set(contents.initializers.map((weight) => weight.name));
  const ports = new Map(contents.inputs.map((port) => [port.name, port]));
  const whole = parts.map((nodes) => [...feeding(early, nodes), ...nodes]);
  const taken = whole.map((nodes) => {
    const made = new Set(nodes.flatMap((node) => node.outputs));
    return new Set(inputsOf(nodes)).difference(made).difference(constants).difference(
      new Set([""]),
    );
  });
  return parts.map((nodes, i) => {
    const made = new Set(nodes.flatMap((node) => node.outputs));
    const isWanted = (value: string) =>
      kept.includes(value) || taken.slice(i + 1).some((values) => values.has(value));
    const [inputs, outputs] = [[...taken[i]!], [...made].filter(isWanted)];
    const isNarrow = (value: string) =>
      !ports.has(value) && ["float16", "bfloat16"].includes(dtypeOf(value));
    const port = (value: string): PortSpec =>
      ports.get(value) ??
        { name: value, dtype: isNarrow(value) ? "float32" : dtypeOf(value) };
    const narrow = new Set([...inputs, ...outputs].filter(isNarrow));
    const inside = (names: readonly string[]) =>
      names.map((value) => narrow.has(value) ? `${value}/narrow` : value);
    const own = contents.outputs.filter((output) => made.has(output.name));
    const all = [...outputs.map(port), ...own];
    const staying = contents.inputs.filter((input) => constants.has(input.name));
    const built = writeGraph(`${name}.${i}`, {
      ...contents,
      nodes: [
        ...inputs.filter(isNarrow).map((value) => cast(value, `${value}/narrow`, dtypeOf(value))),
        ...whole[i]!.map((node) => ({
          ...node,
          inputs: inside(node.inputs),
          outputs: inside(node.outputs),
        })),
        ...outputs.filter(isNarrow).map((value) => cast(`${value}/narrow`, value, "float32")),
      ],
      inputs: [...inputs.map(port), ...staying],
      outputs: all,
    });
    return { ...built, inputs, outputs: all.map((output) => output.name) };
  });
}

function inputsOf(nodes: readonly NodeSpec[]): string[] {
  return nodes.flatMap(({ inputs }) => inputs);
}

/** Those of some nodes, in their order, on whose outputs others depend. */
function feeding(early: readonly NodeSpec[], nodes: readonly NodeSpec[]): NodeSpec[] {
  const wanted = new Set(inputsOf(nodes));
  return early.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((output) => wanted.has(output))) return false;
    for (const input of inputs) wanted.add(input);
    return true;
  }).reverse();
}

function cast(from: string, to: string, dtype: ElementType): NodeSpec {
  const attributes = { to: dataType(dtype) };
  return {
    name: `${to}/cast`,
    type: "Cast",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes,
  };
}
