/**
 * The same graph in fewer nodes, for devices that wait for each: what a card computes in a node of a
 * UNet takes it microseconds.
 *
 * @module
 */
import { SUM_WIDTHS } from "./lowering.ts";
import { MICROSOFT, type NodeSpec } from "./onnx_proto.ts";

/** What there is to know of a graph beside its nodes. */
export interface Surroundings {
  /** The sizes of a weight that is the same in each run; undefined for other values. */
  weightDims(name: string): readonly number[] | undefined;
  /** The name of a constant int64 vector. */
  ints(values: readonly number[]): string;
}

/** The nodes of a graph that computes the same, in an order in which they can run. */
export function fewerNodes(nodes: readonly NodeSpec[], surroundings: Surroundings): NodeSpec[] {
  return ordered(
    sumsInNorms(productsTogether(equalNodesOnce(nodes), surroundings), surroundings),
  );
}

/** Nodes that compute the same of the same values are one: each block has an activation of the time. */
function equalNodesOnce(nodes: readonly NodeSpec[]): NodeSpec[] {
  const known = new Map<string, NodeSpec>();
  const renamed = new Map<string, string>();
  return nodes.flatMap((node) => {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    const own = { ...node, inputs };
    if (node.type === "Identity") return [own]; // it names an output
    const { type, domain, attributes, outputs } = node;
    const left = outputs.map((name) => name === "");
    const key = JSON.stringify([type, domain, inputs, attributes, left]);
    const equal = known.get(key);
    if (equal === undefined) {
      known.set(key, own);
      return [own];
    }
    for (const [i, output] of outputs.entries()) {
      if (output !== "") renamed.set(output, equal.outputs[i]!);
    }
    return [];
  });
}

/** A weight of more numbers keeps a card busy by itself. */
const LARGEST_WEIGHT = 2 ** 23;
/** Parts that onnxruntime cuts a value into without sending their sizes to the card at each run. */
const MOST_PARTS = 32;

/**
 * Products of a value with weights of the same sizes are one product, which is cut: queries, keys and
 * values, the keys and values of the text in all blocks, what all blocks make of the time.
 */
function productsTogether(
  nodes: readonly NodeSpec[],
  { weightDims, ints }: Surroundings,
): NodeSpec[] {
  const groups = Map.groupBy(nodes, (node) => {
    const { type, inputs: [x, weight], attributes } = node;
    if (type !== "FusedMatMul" || !attributes.transB || Object.keys(attributes).length > 1) {
      return "";
    }
    const dims = weightDims(weight!);
    if (dims?.length !== 2 || dims[0]! * dims[1]! > LARGEST_WEIGHT) return "";
    return `${x} ${dims}`;
  });
  groups.delete("");
  const replaced = new Map<NodeSpec, NodeSpec[]>();
  for (const products of groups.values()) {
    for (let start = 0; start < products.length; start += MOST_PARTS) {
      const some = products.slice(start, start + MOST_PARTS);
      if (some.length === 1) continue;
      for (const product of some) replaced.set(product, []);
      replaced.set(some[0]!, together(some, weightDims(some[0]!.inputs[1]!)![0]!, ints));
    }
  }
  return nodes.flatMap((node) => replaced.get(node) ?? [node]);
}

function together(
  products: readonly NodeSpec[],
  width: number,
  ints: Surroundings["ints"],
): NodeSpec[] {
  const [first] = products as [NodeSpec, ...NodeSpec[]];
  const weights = `${first.name}/weights`;
  const result = `${first.name}/results`;
  return [
    {
      name: weights,
      type: "Concat",
      domain: "",
      inputs: products.map(({ inputs }) => inputs[1]!),
      outputs: [weights],
      attributes: { axis: 0 },
    },
    { ...first, name: result, inputs: [first.inputs[0]!, weights], outputs: [result] },
    {
      name: `${first.name}/parts`,
      type: "Split",
      domain: "",
      inputs: [result, ints(products.map(() => width))],
      outputs: products.map(({ outputs }) => outputs[0]!),
      attributes: { axis: -1 },
    },
  ];
}

/** A sum that a group normalization of channels last takes is made by it. */
function sumsInNorms(nodes: readonly NodeSpec[], { weightDims }: Surroundings): NodeSpec[] {
  const makers = makersOf(nodes);
  const replaced = new Map<NodeSpec, NodeSpec[]>();
  for (const norm of nodes) {
    if (norm.type !== "GroupNorm" || norm.domain !== MICROSOFT) continue;
    if (!SUM_WIDTHS.includes(weightDims(norm.inputs[1]!)?.[0] ?? 0)) continue;
    const last = makers.get(norm.inputs[0]!);
    const sum = last?.type === "Transpose" ? makers.get(last.inputs[0]!) : undefined;
    if (!sum?.sameSizes || replaced.has(sum)) continue;
    replaced.set(sum, []);
    replaced.set(norm, normWithSum(norm, last!, sum));
  }
  return nodes.flatMap((node) => replaced.get(node) ?? [node]);
}

function normWithSum(norm: NodeSpec, last: NodeSpec, sum: NodeSpec): NodeSpec[] {
  const terms = sum.inputs.map((input, i) => {
    const name = `${norm.name}/term${i}`;
    return { ...last, name, inputs: [input], outputs: [name] };
  });
  const [, scale, shift] = norm.inputs as [string, string, string];
  const whole = `${norm.name}/sum`;
  return [
    ...terms,
    {
      ...norm,
      type: "SkipGroupNorm",
      inputs: [terms[0]!.name, scale, shift, terms[1]!.name],
      outputs: [norm.outputs[0]!, whole],
    },
    {
      ...last,
      name: `${whole}/first`,
      inputs: [whole],
      outputs: sum.outputs,
      attributes: { perm: [0, 3, 1, 2] },
    },
  ];
}

/** Each node after those that it takes values of, and otherwise as they stand. */
function ordered(nodes: readonly NodeSpec[]): NodeSpec[] {
  const makers = makersOf(nodes);
  const placed = new Set<NodeSpec>();
  const place = (node: NodeSpec) => {
    if (placed.has(node)) return;
    for (const input of node.inputs) {
      const maker = makers.get(input);
      if (maker !== undefined) place(maker);
    }
    placed.add(node);
  };
  for (const node of nodes) place(node);
  return [...placed];
}

/** The node that makes each value. */
function makersOf(nodes: readonly NodeSpec[]): ReadonlyMap<string, NodeSpec> {
  const made = nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const));
  return new Map(made.filter(([output]) => output !== "")); // which is left out
}
