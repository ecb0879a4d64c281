import type { Image, ImageOutput, PipelineRun, Recipe, RunOptions, Tensor } from "@denoise/core";

/** Model output in -1..1 to values in 0..1. */
export function denormalize(sample: Tensor): Tensor {
  return sample.map((x) => Math.min(1, Math.max(0, Math.fround(Math.fround(x / 2) + 0.5))));
}

/**
 * Images of a tensor with values in 0..1, float32 [N, C, H, W].
 *
 * @param bitDepth As of `fromTensor` of image codecs.
 */
export async function toImages<C extends object>(
  run: PipelineRun<C>,
  tensor: Tensor,
  recipe: (index: number) => Recipe,
  bitDepth?: 8 | 16,
): Promise<Image[]> {
  const codec = await run.images();
  return codec.fromTensor(tensor, (index) => ({ ...run.recipe, ...recipe(index) }), bitDepth);
}

/**
 * What a pipeline gives for its samples: images, or the tensor itself.
 *
 * @param tensor float32 [N, C, H, W] in 0..1.
 */
export async function imageOutput<C extends object>(
  run: PipelineRun<C>,
  tensor: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
): Promise<ImageOutput> {
  if (outputType === "tensor") return { images: [], tensor };
  return { images: await toImages(run, tensor, recipe) };
}
