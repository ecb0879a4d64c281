import type { Model, Tensor } from "@denoise/core";

/** The role of a vision model that gives a vector for an image. */
export interface VectorEncoder extends Model<{ readonly image_size: number }> {
  /** Images, float32 [N, 3, H, W], to vectors, float32 [N, width]. */
  forward(pixelValues: Tensor): Promise<{ readonly imageEmbeds?: Tensor | undefined }>;
}
