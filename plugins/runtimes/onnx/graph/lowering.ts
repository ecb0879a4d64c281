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
}

/** Execution providers of onnxruntime. */
export type Provider = "cpu" | "cuda" | "tensorrt" | "webgpu" | "coreml" | "dml";

const STANDARD: Lowering = { linear: "MatMul", attention: "MatMul", swish: "Sigmoid" };

/** The lowering for each execution provider. */
export const lowerings: { readonly [P in Provider]: Lowering } = {
  cpu: { linear: "FusedMatMul", attention: "MultiHeadAttention", swish: "QuickGelu" },
  cuda: { linear: "FusedMatMul", attention: "MultiHeadAttention", swish: "QuickGelu" },
  webgpu: { linear: "MatMul", attention: "MultiHeadAttention", swish: "QuickGelu" },
  dml: { linear: "MatMul", attention: "MultiHeadAttention", swish: "Sigmoid" },
  tensorrt: STANDARD,
  coreml: STANDARD,
};
