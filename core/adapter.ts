import type { Model } from "./model.ts";
import type { Tensor } from "./tensor.ts";

/** A low-rank change of one layer: W + scale · (up · down) (Hu et al., arXiv:2106.09685). */
export interface LoraLayer {
  /** float32 [rank, in], or [rank, in, h, w] for a convolution. */
  readonly down: Tensor;
  /** float32 [out, rank], or [out, rank, 1, 1] for a convolution. */
  readonly up: Tensor;
  /** alpha / rank. */
  readonly scale: number;
}

/** Low-rank changes of a model's layers, that can be turned on, off and mixed. */
export interface LoraAdapter {
  /** What it is called. */
  readonly name: string;
  /** How much of it is applied; 1 as trained, 0 not at all. */
  readonly weight: number;
  /** The changes by the layer's name in the checkpoint, such as `mid_block.attentions.0.proj_in`. */
  readonly layers: ReadonlyMap<string, LoraLayer>;
}

/** A model whose layers can be changed by adapters; its weights stay as they are. */
export interface AdaptableModel<C extends object = object> extends Model<C> {
  /** Shapes of the layers' weights by the layers' names. */
  readonly layerShapes: ReadonlyMap<string, readonly number[]>;
  /** The adapters in use. */
  readonly adapters: readonly LoraAdapter[];
  /**
   * Uses these adapters, and no others, from the next call on.
   *
   * @throws {RangeError} when an adapter changes a layer that the model lacks, or in another shape.
   */
  setAdapters(adapters: readonly LoraAdapter[]): Promise<void>;
}
