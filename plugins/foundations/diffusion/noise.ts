import {
  Generator,
  type GeneratorInput,
  randnTensor,
  type RunOptions,
  type Scheduler,
  type Tensor,
} from "@denoise/core";

/** Where the noise of a batch comes from. */
export interface BatchNoise {
  /** For every image its own, unless one generator was given for all. */
  readonly generator: GeneratorInput;
  /** The seed that image i is made from; undefined where several share a generator. */
  seedOf(index: number): bigint | undefined;
}

function randomSeed(): bigint {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
  return BigInt(high & 0x1fffff) << 32n | BigInt(low);
}

/**
 * The generators of a batch: image i draws from seed + i, so that it is the same image alone,
 * in a batch and at any place in it. Given generators are taken as they are.
 *
 * @param count Images in the batch.
 * @throws {RangeError} when a list of generators has another length.
 * @throws {TypeError} when both seed and generator are given.
 */
export function batchNoise(
  count: number,
  options: Pick<RunOptions, "seed" | "generator">,
): BatchNoise {
  const { seed, generator } = options;
  if (seed !== undefined && generator !== undefined) {
    throw new TypeError("Cannot draw noise: give either seed or generator, not both");
  }
  if (generator === undefined) {
    const first = seed === undefined ? randomSeed() : BigInt(seed);
    return {
      generator: Array.from({ length: count }, (_, i) => new Generator(first + BigInt(i))),
      seedOf: (index) => first + BigInt(index),
    };
  }
  const list = generator instanceof Generator ? [generator] : generator;
  if (generator !== list[0] && list.length !== count) {
    throw new RangeError(
      `Cannot draw noise for a batch of ${count} from a list of ${list.length} generators: give ` +
        `one generator for each, or a single one`,
    );
  }
  const alone = list.length === count;
  const seeds = list.map((item) => item.initialSeed);
  return { generator, seedOf: (index) => alone ? seeds[index] : undefined };
}

/**
 * Refuses latents of a call that have another shape than the run's.
 *
 * @param dims [N, C, h, w].
 * @throws {TypeError} when given latents have another shape, or are no tensor.
 */
export function checkLatents(latents: Tensor | undefined, dims: readonly number[]): void {
  if (latents === undefined || String(latents.dims) === String(dims)) return;
  const given = latents.dims === undefined ? "no tensor" : `of shape [${latents.dims.join(", ")}]`;
  throw new TypeError(
    `Cannot start from latents that are ${given}: this call needs [${dims.join(", ")}]`,
  );
}

/**
 * The latents a run begins with: standard normal noise, or the given ones, times the scheduler's
 * initial sigma.
 *
 * @param dims [N, C, h, w].
 * @throws {TypeError} when given latents have another shape, or are no tensor.
 */
export function initialLatents(
  dims: readonly number[],
  noise: BatchNoise,
  scheduler: Pick<Scheduler, "initNoiseSigma">,
  latents?: Tensor,
): Tensor {
  checkLatents(latents, dims);
  const start = latents ?? randnTensor(dims, noise.generator);
  return scheduler.initNoiseSigma === 1 ? start : start.mul(scheduler.initNoiseSigma);
}

/**
 * Refuses a level of noise that the scheduler for it does not have.
 *
 * @throws {RangeError} for one.
 */
export function checkNoiseLevel({ config, className }: Scheduler, level: number): void {
  const { num_train_timesteps: most } = config as { readonly num_train_timesteps: number };
  if (level < most) return;
  throw new RangeError(
    `Cannot add noise of noiseLevel ${level}: it must be an integer from 0 to ${most - 1}, the ` +
      `timesteps of the ${className}`,
  );
}
