import type { Model, Tensor } from "@denoise/core";

/** The role of what holds a mark to put into images, as IFWatermarker plays it. */
export interface Watermarker<C extends object = object> extends Model<C> {
  /** The mark in whole numbers of 0..255 with its alpha, float32 [height, width, 4]. */
  mark(): Tensor;
}
