import type { Model, Tensor } from "@denoise/core";

/**
 * A change of one layer: W + scale · left ⊗ (up · down), b + scale · bias.
 *
 * With `down` and `up` it is low-rank (LoRA; Hu et al., arXiv:2106.09685), without `up` `down` is the
 * whole of it, and `left` makes a Kronecker product of it (LoKr; Yeh et al., arXiv:2309.14859). With
 * a `magnitude` the rows of the changed weight are brought to these lengths (DoRA; Liu et al.,
 * arXiv:2402.09353).
 */
export interface LoraLayer {
  /** float32 [rank, in], or [rank, in, h, w] for a convolution; [out, in, ...] without `up`. */
  readonly down: Tensor;
  /** float32 [out, rank], or [out, rank, 1, 1] for a convolution. */
  readonly up?: Tensor | undefined;
  /** float32 [o, i]: `out` and `in` of the layer are o and i times those of `up` and `down`. */
  readonly left?: Tensor | undefined;
  /**
   * The rows of the Kronecker product that are the layer's, from and to, one after another: of one that
   * changes several layers in one. All of them by default.
   */
  readonly rows?: readonly (readonly [from: number, to: number])[] | undefined;
  /** alpha / rank, or alpha / √rank (rsLoRA). */
  readonly scale: number;
  /** float32 [out]: added to what the layer makes. */
  readonly bias?: Tensor | undefined;
  /** float32 [out]: Euclidean lengths of the rows of the changed weight. */
  readonly magnitude?: Tensor | undefined;
}

/** How much of an adapter is applied: to all layers, or to the layer of a name. */
export type LoraWeight = number | ((layer: string) => number);

/** Low-rank changes of a model's layers, that can be turned on, off and mixed. */
export interface LoraAdapter {
  /** What it is called. */
  readonly name: string;
  /** How much of it is applied, to all layers or to each; 1 as trained, 0 not at all. */
  readonly weight: LoraWeight;
  /** Whether it is one of those that are applied. Defaults to true. */
  readonly isActive?: boolean | undefined;
  /** Whether it is turned off with all others (`disable_lora`). Defaults to false. */
  readonly isDisabled?: boolean | undefined;
  /**
   * How much of it is merged into the weights of the layers, in the place of being computed beside them.
   * Defaults to nothing.
   */
  readonly fused?: LoraWeight | undefined;
  /** Whether it was unloaded when it was merged, and only what it made of the weights is left. */
  readonly isUnloaded?: boolean | undefined;
  /** The changes by the layer's name in the checkpoint, such as `mid_block.attentions.0.proj_in`. */
  readonly layers: ReadonlyMap<string, LoraLayer>;
  /**
   * Layers that take more inputs with it, whose own weights for these are zeros, with the option of the
   * model's config that says how many: `{ x_embedder: "in_channels" }`, of Control LoRAs of FLUX.1.
   */
  readonly widens?: Readonly<Record<string, string>> | undefined;
  /** Tensors in the place of the model's own as long as it is there, at any weight. */
  readonly tensors?: ReadonlyMap<string, Tensor> | undefined;
}

/** How much of an adapter a layer gets. */
export function weightAt({ weight }: Pick<LoraAdapter, "weight">, layer: string): number {
  return typeof weight === "number" ? weight : weight(layer);
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
  /** Whether changes of adapters are inputs of its sessions, so that others can take their place in them. */
  readonly isHotswapEnabled: boolean;
  /** Makes the changes of adapters inputs of its sessions from the next call on. */
  enableLoraHotswap(options?: HotswapOptions): Promise<void>;
}

/** How adapters are exchanged without new sessions. */
export interface HotswapOptions {
  /**
   * The highest rank that adapters have: the matrices of lower ones get rows and columns of zeros.
   * Defaults to the rank that each has, and adapters of other ranks need new sessions.
   */
  readonly targetRank?: number | undefined;
}
