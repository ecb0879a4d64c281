import type {
  Picture,
  PictureOutput,
  PipelineRun,
  Recipe,
  RunOptions,
  Tensor,
} from "@denoise/core";

/** Model output in -1..1 to values in 0..1. */
export function denormalize(sample: Tensor): Tensor {
  return sample.map((x) => Math.min(1, Math.max(0, Math.fround(Math.fround(x / 2) + 0.5))));
}

/** Pictures of a tensor with values in 0..1, float32 [N, C, H, W]. */
export async function toPictures<C extends object>(
  run: PipelineRun<C>,
  tensor: Tensor,
  recipe: (index: number) => Recipe,
): Promise<Picture[]> {
  const codec = await run.pictures();
  return codec.fromTensor(tensor, (index) => ({ ...run.recipe, ...recipe(index) }));
}

/**
 * What a pipeline gives for its samples: pictures, or the tensor itself.
 *
 * @param tensor float32 [N, C, H, W] in 0..1.
 */
export async function pictureOutput<C extends object>(
  run: PipelineRun<C>,
  tensor: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
): Promise<PictureOutput> {
  if (outputType === "tensor") return { images: [], tensor };
  return { images: await toPictures(run, tensor, recipe) };
}

/**
 * Checks what the caller asks a pipeline to give.
 *
 * @throws {RangeError} when the output type is not one that pipelines give.
 */
export function checkOutputType(outputType: RunOptions["outputType"]): void {
  if (outputType === undefined || ["image", "tensor", "latent"].includes(outputType)) return;
  throw new RangeError(
    `Cannot give the output as ${JSON.stringify(outputType)}: outputType must be "image", ` +
      `"tensor" or "latent"`,
  );
}
