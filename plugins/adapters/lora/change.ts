import { Tensor } from "@denoise/core";
import type { LoraLayer } from "@denoise/adapters";
import type { LoraPart } from "./keys.ts";
import { hadamard, kernelOf, khatriRao, matMul, throughKernel } from "./matrix.ts";

/** The tensors of a layer's change, by what they are for. */
export type LoraParts = { readonly [P in LoraPart]?: Tensor };

type HadaPart = Exclude<Extract<LoraPart, `hada_${string}`>, "hada_t1" | "hada_t2">;

const HADA: readonly HadaPart[] = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"];

/** What the change of a layer is multiplied by, for the rank of its matrices. */
export type Scaling = (rank: number | undefined) => number;

/**
 * The change that tensors of a file make to a layer: of LoRA, LoCon, LoHa, LoKr (Yeh et al.,
 * "Navigating Text-To-Image Customization", arXiv:2309.14859) or a whole difference.
 *
 * @param shape Of the layer's weight.
 * @param scaling What the note of the file says; without one alpha / rank, by the tensor alpha.
 * @throws {RangeError} naming what is missing, or does not fit together.
 */
export function changeOf(
  parts: LoraParts,
  shape: readonly number[],
  scaling: Scaling | undefined,
): LoraLayer {
  const names = Object.keys(parts);
  const kinds = [
    [names.some((name) => name.startsWith("hada_")), loha],
    [names.some((name) => name.startsWith("lokr_")), lokr],
    [parts.diff !== undefined || parts.diff_b !== undefined, difference],
    [parts.down !== undefined || parts.up !== undefined, lora],
  ] as const;
  const found = kinds.filter(([is]) => is).map(([_, read]) => read);
  if (found.length !== 1) {
    throw new RangeError(`its tensors are ${names.join(", ")}, which make no change together`);
  }
  const { rank, ...change } = found[0]!(parts, shape);
  const magnitude = lengthsOf(parts, shape[0]!);
  const bias = biasOf(parts, shape[0]!);
  if (bias !== undefined && magnitude !== undefined) {
    throw new RangeError("it has both magnitudes and a bias, which no trainer makes together");
  }
  return { ...change, scale: scaleOf(parts, rank, scaling), bias, magnitude };
}

/** A part of the rows of what a change makes. */
export type Rows = readonly [from: number, to: number];

/** The change of a layer with these rows of it, one after another. */
export function rowsOf(change: LoraLayer, rows: readonly Rows[]): LoraLayer {
  const { down, up, left, bias, magnitude } = change;
  const pick = (tensor: Tensor) => Tensor.cat(rows.map(([from, to]) => tensor.slice(0, from, to)));
  const own = { ...change, bias: bias && pick(bias), magnitude: magnitude && pick(magnitude) };
  // the rows of a Kronecker product are those of neither of its factors
  if (left !== undefined) return { ...own, rows };
  return up === undefined ? { ...own, down: pick(down) } : { ...own, up: pick(up) };
}

function scaleOf(
  parts: LoraParts,
  rank: number | undefined,
  scaling: Scaling | undefined,
): number {
  if (parts.diff !== undefined || parts.diff_b !== undefined) return 1;
  const alpha = parts.alpha?.toFloat32Array()[0];
  if (scaling !== undefined) {
    if (alpha === undefined) return scaling(rank);
    throw new RangeError(`both its tensor alpha (${alpha}) and the note of the file scale it`);
  }
  const scale = alpha === undefined || rank === undefined ? 1 : alpha / rank;
  if (Number.isFinite(scale)) return scale;
  throw new RangeError(`its alpha is ${alpha}, which is no number to scale by`);
}

/** What is added to the layer's bias, before it is scaled. */
function biasOf({ bias, diff_b }: LoraParts, out: number): Tensor | undefined {
  const given = bias ?? diff_b;
  if (given === undefined || given.size === out) return given?.reshape([out]);
  throw new RangeError(`its bias has ${given.size} numbers, where the layer has ${out} outputs`);
}

/** A change, and the rank that its alpha is divided by; a whole difference has none. */
type Found = Omit<LoraLayer, "scale" | "bias" | "magnitude"> & {
  readonly rank?: number | undefined;
};

function need<P extends LoraPart>(
  parts: LoraParts,
  names: readonly P[],
): Required<Pick<LoraParts, P>> {
  const missing = names.find((name) => parts[name] === undefined);
  if (missing === undefined) return parts as Required<Pick<LoraParts, P>>;
  const matrix = missing === "down" || missing === "up";
  throw new RangeError(`it lacks its ${missing}${matrix ? " matrix" : ""}`);
}

function lora(parts: LoraParts): Found {
  const { down, up } = need(parts, ["down", "up"]);
  const rank = down.dims[0]!;
  // LoCon by Tucker: [rank, in, 1, 1], then a small kernel [rank, rank, h, w]
  return { rank, up, down: parts.mid === undefined ? down : throughKernel(parts.mid, down) };
}

/** A bias may be changed alone. */
function difference({ diff }: LoraParts, shape: readonly number[]): Found {
  return { down: diff ?? Tensor.zeros(shape) };
}

/** (w1_a · w1_b) ∘ (w2_a · w2_b): of rank r², or whole where that is less. */
function loha(parts: LoraParts, shape: readonly number[]): Found {
  const { hada_t1: t1, hada_t2: t2 } = parts;
  const { hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b } = need(parts, HADA);
  const rank = hada_w1_b.dims[0]!;
  const kernel = shape.slice(2);
  if (t1 !== undefined && t2 !== undefined) {
    const [first, second] = [
      kernelOf(t1, hada_w1_a, hada_w1_b),
      kernelOf(t2, hada_w2_a, hada_w2_b),
    ];
    return { rank, down: hadamard(first, second) };
  }
  const [height, width] = [hada_w1_a.dims[0]!, hada_w1_b.dims[1]!];
  if (rank * hada_w2_b.dims[0]! < Math.min(height, width)) {
    const down = khatriRao(hada_w1_b, hada_w2_b);
    const up = khatriRao(hada_w1_a.permute([1, 0]), hada_w2_a.permute([1, 0])).permute([1, 0]);
    return { rank, down: withKernel(down, kernel), up };
  }
  const [first, second] = [matMul(hada_w1_a, hada_w1_b), matMul(hada_w2_a, hada_w2_b)];
  return { rank, down: withKernel(hadamard(first, second), kernel) };
}

/** w1 ⊗ w2, each whole or a product of two. */
function lokr(parts: LoraParts, shape: readonly number[]): Found {
  const kernel = shape.slice(2);
  const { lokr_w1: w1, lokr_w2: w2, lokr_t2: t2 } = parts;
  const first = w1 === undefined ? need(parts, ["lokr_w1_a", "lokr_w1_b"]) : undefined;
  const second = w2 === undefined ? need(parts, ["lokr_w2_a", "lokr_w2_b"]) : undefined;
  const left = w1 ?? matMul(first!.lokr_w1_a, first!.lokr_w1_b);
  const rank = first?.lokr_w1_b.dims[0] ?? second?.lokr_w2_b.dims[0];
  if (second === undefined) return { rank, left, down: withKernel(w2!, kernel) };
  const { lokr_w2_a: a, lokr_w2_b: b } = second;
  if (t2 !== undefined) return { rank, left, down: kernelOf(t2, a, b) };
  return { rank, left, up: a, down: withKernel(b, kernel) };
}

/** A matrix over the inputs and places of a kernel, viewed as [rows, in, ...kernel]. */
function withKernel(matrix: Tensor, kernel: readonly number[]): Tensor {
  const area = kernel.reduce((product, side) => product * side, 1);
  const [rows, columns] = matrix.dims as [number, number];
  if (matrix.dims.length > 2 || area === 1 || columns % area !== 0) return matrix;
  return matrix.reshape([rows, columns / area, ...kernel]);
}

/** The lengths of DoRA: PEFT's along the outputs of the result, LyCORIS' along those of the weight. */
function lengthsOf({ magnitude, dora_scale }: LoraParts, out: number): Tensor | undefined {
  const given = magnitude ?? dora_scale;
  if (given === undefined) return undefined;
  const along = dora_scale === undefined ? given.size : given.dims[0];
  if (given.size === out && along === out) return given.reshape([out]);
  throw new RangeError(
    `its magnitudes are [${given.dims.join(", ")}], where there must be one for each of ${out} ` +
      `outputs; those for each input are not supported`,
  );
}
