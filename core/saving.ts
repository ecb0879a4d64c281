/**
 * How models are written.
 *
 * @category Loading
 */
export interface SaveOptions {
  /**
   * Most bytes of a file of weights, as a number or such as `"500MB"`. Defaults to `"10GB"`. Larger
   * models are written in several files, with an index beside them. A tensor that is larger alone has
   * a file of its own.
   */
  readonly maxShardSize?: number | string | undefined;
  /** Part of the files' names, such as `"fp16"`; loading takes it as `variant`. */
  readonly variant?: string | undefined;
  /** Only true: weights are written as .safetensors, never as pickles. */
  readonly safeSerialization?: boolean | undefined;
}
