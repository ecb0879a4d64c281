import { drawBatch, Generator, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import type { BatchNoise } from "@denoise/diffusion";

/** What a call says of the classes of its images. */
export type ClassLabels = number | readonly number[] | Tensor;

/**
 * The labels that the model is called with, one for each of `count` images; none for a model that
 * has no classes.
 *
 * Labels that are not given are drawn from the seeds of the images, and leave their noise as it is.
 *
 * @throws {RangeError} for another number of labels than images.
 */
export function classLabelsFor(
  unet: Denoiser,
  given: ClassLabels | undefined,
  count: number,
  noise: BatchNoise,
  warn: (message: string) => void,
): Tensor | undefined {
  const { num_class_embeds: classes = null } = unet.config as { num_class_embeds?: number | null };
  if (classes === null) {
    if (given !== undefined) {
      warn("classLabels are not used: num_class_embeds of the model is null, so it has no classes");
    }
    return undefined;
  }
  if (given === undefined) {
    const own = [noise.generator].flat().map(({ initialSeed }) => new Generator(initialSeed));
    return drawBatch([count], own, (generator, dims) => generator.randint(0, classes, dims));
  }
  const labels = given instanceof Tensor ? given : Tensor.from([given].flat());
  const [rows = 1, ...rest] = labels.dims;
  const isOne = typeof given === "number";
  if (rows === count || (rows === 1 && !isOne)) {
    return labels.reshape([rows, ...rest]).expand([count, ...rest]);
  }
  throw new RangeError(
    `Cannot make ${count} images with ${rows} class label${rows === 1 ? "" : "s"}: give a list ` +
      `with one for each image`,
  );
}
