import { Generator, type RandomDType } from "./generator.ts";
import { Tensor } from "./tensor.ts";

/** One generator that a whole batch draws from, or one for each image. */
export type GeneratorInput = Generator | readonly Generator[];

let shared: Generator | undefined;

/** The generator that numbers are drawn from when none is given; seeded by chance at first. */
export function defaultGenerator(): Generator {
  if (shared === undefined) {
    shared = new Generator();
    shared.seed();
  }
  return shared;
}

/**
 * Seeds the {@linkcode defaultGenerator} and returns it: `torch.manual_seed(seed)`.
 *
 * @category Random numbers
 *
 * @example
 * ```ts
 * import { manualSeed, randn } from "@denoise/denoise";
 * import { assert } from "@std/assert";
 *
 * manualSeed(0);
 * const noise = randn([1, 4, 8, 8]);
 * manualSeed(0);
 * assert(randn([1, 4, 8, 8]).equals(noise));
 * ```
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator().manualSeed(seed);
}

/**
 * Normal numbers with mean 0 and standard deviation 1: `torch.randn`.
 *
 * @param options The generator to draw from, {@linkcode defaultGenerator} when absent, and the type.
 * @category Random numbers
 *
 * @example
 * ```ts
 * import { Generator, randn } from "@denoise/denoise";
 * import { assertEquals } from "@std/assert";
 *
 * const noise = randn([1, 3, 8, 8], { generator: Generator.manualSeed(0) });
 * assertEquals(noise.dims, [1, 3, 8, 8]);
 * ```
 */
export function randn(
  dims: readonly number[],
  options: { readonly generator?: Generator; readonly dtype?: RandomDType } = {},
): Tensor {
  return (options.generator ?? defaultGenerator()).randn(dims, options.dtype);
}

/**
 * Noise for a batch (`randn_tensor` of diffusers). With a list, each image of the batch draws
 * from its own generator, so that it does not depend on the others; a list of one counts as that
 * one generator for the whole batch.
 *
 * @param dims The shape; its first axis counts the images.
 * @param generator One generator, one for each image, or none for the default one.
 * @throws {RangeError} when a list has another length than the batch.
 *
 * @category Random numbers
 *
 * @example
 * ```ts
 * import { Generator, randnTensor } from "@denoise/core";
 * import { assert } from "@std/assert";
 *
 * const both = randnTensor([2, 4, 8, 8], [new Generator(1), new Generator(2)]);
 * const second = randnTensor([1, 4, 8, 8], new Generator(2));
 * assert(both.slice(0, 1, 2).equals(second));
 * ```
 */
export function randnTensor(
  dims: readonly number[],
  generator?: GeneratorInput,
  dtype: RandomDType = "float32",
): Tensor {
  return drawBatch(dims, generator, (own, each) => own.randn(each, dtype));
}

/**
 * Random numbers of any kind for a batch; parameters and errors as {@linkcode randnTensor}.
 *
 * @param draw Draws numbers of a shape from one generator.
 */
export function drawBatch(
  dims: readonly number[],
  generator: GeneratorInput | undefined,
  draw: (generator: Generator, dims: readonly number[]) => Tensor,
): Tensor {
  if (generator === undefined || generator instanceof Generator) {
    return draw(generator ?? defaultGenerator(), dims);
  }
  if (generator.length === 1) return draw(generator[0]!, dims);
  if (generator.length !== dims[0]) {
    throw new RangeError(
      `Cannot draw noise for a batch of ${dims[0]} from ${generator.length} generators: ` +
        "give one generator, or one for each image of the batch",
    );
  }
  const each = [1, ...dims.slice(1)];
  return Tensor.cat(generator.map((own) => draw(own, each)));
}
