import type { Model, Tensor } from "@denoise/core";

/** The role of a model that finds images which should not be shown. */
export interface SafetyChecker<C extends object = object> extends Model<C> {
  /**
   * Whether each image has to be hidden.
   *
   * @param clipInput What the feature extractor made of the images, float32 [N, 3, H, W].
   */
  check(clipInput: Tensor): Promise<readonly boolean[]>;
  /** The same by what was found, of checkers that look for several things. */
  detect?(clipInput: Tensor): Promise<Detected>;
}

/** What a safety checker has found, one value for each image. */
export interface Detected {
  /** What should not be shown. */
  readonly nsfw: readonly boolean[];
  /** The watermark of another. */
  readonly watermark: readonly boolean[];
}
