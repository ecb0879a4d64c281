import type { ImageInput, Tensor } from "@denoise/core";

/** The role of what prepares images for a vision model. */
export interface FeatureExtractor {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** Images to float32 [N, 3, H, W], resized, cropped and normalised. */
  preprocess(images: readonly ImageInput[]): Promise<Tensor>;
  /** Writes preprocessor_config.json into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}
