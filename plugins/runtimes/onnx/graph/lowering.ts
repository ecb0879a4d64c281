import type { ComputeDType } from "./graph.ts";
import type { QuantizedWeight } from "./quantized_weight.ts";
import type { ElementType } from "./value.ts";

/**
 * Which operators an execution provider runs well. Layers ask this table; models never do.
 */
export interface Lowering {
  /** Linear layers: onnxruntime's FusedMatMul reads the weight as it lies, or Transpose + MatMul. */
  readonly linear: "FusedMatMul" | "MatMul";
  /** Attention: onnxruntime's fused operator, or MatMul, Softmax, MatMul. */
  readonly attention: "MultiHeadAttention" | "MatMul";
  /** x·sigmoid(αx): onnxruntime's QuickGelu, or Sigmoid and Mul. */
  readonly swish: "QuickGelu" | "Sigmoid";
  /**
   * Group normalization of images in float16: onnxruntime's operator on channels last, SiLU included, or
   * InstanceNormalization and what is left of it.
   */
  readonly groupNorm: "GroupNorm" | "InstanceNormalization";
  /** Whether there are onnxruntime's operators of several steps in float16, with biases and sums. */
  readonly fusedSteps: boolean;
  /**
   * Whether convolutions of 6, 9, 15 and more channels that three divides and four does not are wrong: those
   * of kernels above 1x1, to a multiple of four channels.
   */
  readonly wrongThrees: boolean;
  /** Into how many parts it cuts a value in one node. */
  readonly mostParts: number;
  /** What it computes in. */
  readonly computes: readonly ComputeDType[];
  /** Operators that it lacks in bfloat16: they compute in float32. */
  readonly notInBfloat16: readonly string[];
  /** Quantized weights that it multiplies with. */
  readonly quantized: readonly QuantizedWeight["kind"][];
  /** Stored types that it widens at each run; all others are widened once, when a session starts. */
  readonly widens: readonly ElementType[];
}

/** Execution providers of onnxruntime. */
export type Provider = "cpu" | "cuda" | "tensorrt" | "webgpu" | "coreml" | "dml";

const NARROW: readonly ElementType[] = [
  "float16",
  "bfloat16",
  "float8_e4m3fn",
  "float8_e5m2",
  "int8",
];

const STANDARD: Lowering = {
  linear: "MatMul",
  attention: "MatMul",
  swish: "Sigmoid",
  groupNorm: "InstanceNormalization",
  fusedSteps: false,
  wrongThrees: false,
  mostParts: Infinity,
  computes: ["float32", "float16"],
  notInBfloat16: [],
  quantized: [],
  widens: [],
};

const NOT_IN_BFLOAT16 = [
  "InstanceNormalization",
  "ConvTranspose",
  "Pad",
  "Resize",
  "MaxPool",
  "ArgMin",
  "SpaceToDepth",
  "DepthToSpace",
  "LeakyRelu",
  "ReduceL2",
  "Reciprocal",
  "Clip",
];

const FUSED: Lowering = {
  linear: "FusedMatMul",
  attention: "MultiHeadAttention",
  swish: "QuickGelu",
  groupNorm: "InstanceNormalization",
  fusedSteps: false,
  wrongThrees: false,
  mostParts: Infinity,
  computes: ["float32", "float16", "bfloat16"],
  notInBfloat16: [],
  quantized: ["blocks", "levels"],
  widens: NARROW,
};

/**
 * Channels for which onnxruntime's operators with sums were right on a card: those of Stable Diffusion's
 * UNets.
 */
export const SUM_WIDTHS: readonly number[] = [320, 640, 1280];

/** The lowering for each execution provider. */
export const lowerings: { readonly [P in Provider]: Lowering } = {
  cpu: { ...FUSED, computes: ["float32"], quantized: ["int8", "blocks", "levels"] }, // 16-bit types are storage
  cuda: { ...FUSED, groupNorm: "GroupNorm", fusedSteps: true, notInBfloat16: NOT_IN_BFLOAT16 },
  // its MultiHeadAttention is wrong from 64 queries on, on SwiftShader at least, as such convolutions are
  // and devices must have no more than eight buffers in a node
  webgpu: { ...STANDARD, swish: "QuickGelu", wrongThrees: true, mostParts: 7 },
  dml: { ...STANDARD, attention: "MultiHeadAttention" },
  tensorrt: { ...STANDARD, computes: FUSED.computes },
  coreml: STANDARD,
};
