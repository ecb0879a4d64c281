/**
 * ONNX graphs built in TypeScript over the tensors of a checkpoint.
 *
 * @module
 */
export { assertAllUsed, Checkpoint, type CheckpointOptions, dropUnused } from "./checkpoint.ts";
export {
  type BlockEnd,
  type ComputeDType,
  Graph,
  type GraphOptions,
  type MarkedModule,
  type NodeOptions,
  type PartValues,
} from "./graph.ts";
export type { GraphPart, StartsPart } from "./parts.ts";
export type { BuiltGraph } from "./write.ts";
export { type Lowering, lowerings, type Provider, SUM_WIDTHS } from "./lowering.ts";
export type { BlockWeight, Int8Weight, LevelWeight, QuantizedWeight } from "./quantized_weight.ts";
export { MICROSOFT } from "./onnx_proto.ts";
export { type GraphAdapters, Scope } from "./scope.ts";
export type { WeightDType } from "./stored_weight.ts";
export {
  type Attribute,
  type Attributes,
  type Dim,
  type ElementType,
  type FloatAttribute,
  floatAttribute,
  type Value,
  type Weight,
} from "./value.ts";
export type { NodeSpec, PortSpec } from "./onnx_proto.ts";
