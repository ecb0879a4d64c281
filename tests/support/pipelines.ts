/**
 * Calls a pipeline as the reference called it and measures how far the images are apart.
 *
 * @module
 */
import type { Prompt } from "@denoise/diffusion";
import {
  Generator,
  type ImageOutput,
  type Registry,
  type SchedulerClass,
  type Tensor,
} from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import {
  camelCase,
  type Golden,
  relativeDifference,
  type Stored,
  ThinnedTensor,
} from "./golden.ts";

/** One call; tests/golden/README.md says what the keys mean. */
export interface PipelineCall {
  readonly name: string;
  readonly scheduler: { readonly class: string; readonly config: object } | null;
  readonly seeds: readonly number[];
  readonly call: Readonly<Record<string, Stored>>;
  readonly images: string;
  readonly latents?: string;
}

/** The calls of one pipeline. */
export type PipelineGolden = Golden<{ readonly cases: readonly PipelineCall[] }>;

/** How far a call is from the reference. */
export interface PipelineDifference {
  /** Of 255, at the worst pixel. */
  readonly pixels: number;
  /** Of the last latents, relative to the largest; 0 for pipelines without latents. */
  readonly latents: number;
}

/** Puts the scheduler of a call in the place of the repo's own. */
export async function swapScheduler(
  pipe: AnyPipeline,
  { scheduler }: Pick<PipelineCall, "scheduler">,
  registry: Registry,
): Promise<void> {
  if (scheduler === null) return;
  const Class = await registry.get(scheduler.class, "scheduler", "a test") as SchedulerClass;
  pipe.scheduler = Class.fromConfig(pipe.scheduler.config, scheduler.config);
}

/** Makes the call and compares. */
export async function compareImages(
  pipe: AnyPipeline,
  { call, seeds, images, latents }: PipelineCall,
  golden: PipelineGolden,
): Promise<PipelineDifference> {
  let last: Tensor | undefined;
  const { prompt, ...rest } = call;
  const options = {
    ...Object.fromEntries(Object.entries(rest).map(([k, v]) => [camelCase(k), golden.value(v)])),
    generator: seeds.map((seed) => new Generator(seed)),
    callbackOnStepEnd: (step: { latents: Tensor }) => void (last = step.latents),
  };
  const output = "tokenizer" in pipe.components
    ? await pipe(prompt as Prompt, options)
    : await pipe(options);
  return {
    pixels: pixelDifference(output, golden.tensors.get(images)!),
    latents: latents === undefined ? 0 : relativeDifference(last!, golden.tensors.get(latents)!),
  };
}

/** Every so manyth row and column of an image, from the first on. */
function thinned({ width, height, channels, data }: ImageOutput["images"][number], every: number) {
  const picked: number[] = [];
  for (let row = 0; row < height; row += every) {
    for (let column = 0; column < width; column += every) {
      const at = (row * width + column) * channels;
      picked.push(...data.subarray(at, at + channels));
    }
  }
  return { data: picked };
}

/** The largest difference at any pixel, or at those that are kept; infinite when size or number differ. */
export function pixelDifference(
  { images: whole }: ImageOutput,
  expected: Tensor,
  every = 1,
): number {
  const [dims, step] = expected instanceof ThinnedTensor
    ? [expected.whole, expected.every]
    : [expected.dims, 1];
  const [count, height, width, channels] = dims;
  const size = height! * width! * channels!;
  const images = every === 1 ? whole : whole.map((image) => thinned(image, every));
  if (images.length !== count || images.some(({ data }) => data.length !== size)) return Infinity;
  let largest = 0;
  for (const [i, wanted] of expected.data.entries()) {
    const at = i * step;
    const found = images[Math.floor(at / size)]!.data[at % size]!;
    largest = Math.max(largest, Math.abs(found - Number(wanted)));
  }
  return largest;
}
