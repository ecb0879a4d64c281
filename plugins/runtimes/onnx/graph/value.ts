import type { StoredDType } from "@denoise/safetensors";

/** The element type of a value inside a graph, in torch's words. */
export type ElementType = StoredDType;

/** A size known when the graph is built, or the name of one that is only known when it runs. */
export type Dim = number | string;

/** What a node makes and another takes: a name in the graph, and its element type. */
export interface Value {
  /** Unique in the graph. */
  readonly name: string;
  /** The element type. */
  readonly dtype: ElementType;
}

/** A value whose sizes are known when the graph is built: a tensor of the checkpoint. */
export interface Weight extends Value {
  /** Its sizes. */
  readonly dims: readonly number[];
}

/** A number to be written as FLOAT, whether or not it has a fraction. */
export interface FloatAttribute {
  /** The number. */
  readonly float: number;
}

/** An attribute of a node. Whole numbers are INT, so a FLOAT is written `floatAttribute(1)`. */
export type Attribute = number | readonly number[] | string | FloatAttribute;

/** The attributes of a node by their ONNX names; absent ones are left to the operator's default. */
export type Attributes = { readonly [name: string]: Attribute | undefined };

/** Marks an attribute as FLOAT. */
export function floatAttribute(value: number): FloatAttribute {
  return { float: value };
}
