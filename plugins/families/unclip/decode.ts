import {
  type CallOptions,
  type ImageOutput,
  type PipelineRun,
  type PipelineStep,
  type Recipe,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  denoise,
  denormalize,
  finishUnconditional,
  guideBesideVariance,
  initialLatents,
  type PriorText,
  resizeSpatial,
  retrieveTimesteps,
  sampleSize,
  stepOptions,
  timestepOptions,
  toImages,
} from "@denoise/diffusion";
import type { UnCLIPDecoderComponents } from "./components.ts";

/** Options of what makes images of vectors. */
export interface UnCLIPDecoderOptions extends RunOptions {
  /** Images made of each prompt or image. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Number of denoising steps of the small image, at least 2. Defaults to 25. */
  readonly decoderNumInferenceSteps?: number | undefined;
  /** Number of denoising steps of the large image, at least 2. Defaults to 7. */
  readonly superResNumInferenceSteps?: number | undefined;
  /** How closely the small image follows its vector. Defaults to 8; no guidance at 1 or below. */
  readonly decoderGuidanceScale?: number | undefined;
  /** Own noise of the small image, float32 [N, 3, height, width]. */
  readonly decoderLatents?: Tensor | undefined;
  /** Own noise of the large image, float32 [N, 3, height, width]. */
  readonly superResLatents?: Tensor | undefined;
}

/** The declarations of {@linkcode UnCLIPDecoderOptions}. */
export const unclipDecoderOptions: CallOptions<UnCLIPDecoderOptions> = {
  ...runOptions,
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  decoderNumInferenceSteps: timestepOptions.numInferenceSteps,
  superResNumInferenceSteps: timestepOptions.numInferenceSteps,
  decoderGuidanceScale: { type: "number" },
  decoderLatents: { type: "tensor" },
  superResLatents: { type: "tensor" },
};

/** The defaults of {@linkcode UnCLIPDecoderOptions}. */
export const unclipDecoderDefaults = {
  decoderNumInferenceSteps: 25,
  superResNumInferenceSteps: 7,
  decoderGuidanceScale: 8,
} as const satisfies UnCLIPDecoderOptions;

/** What images are made of. */
export interface UnCLIPConditioning {
  /** Vectors of images, float32 [N, width]. */
  readonly vectors: Tensor;
  /** Texts beside them, of N rows; with guidance of 2N, those of no text first. */
  readonly text: PriorText;
  /** Whether there is guidance. */
  readonly guidance: boolean;
  /** Where the noise comes from. */
  readonly noise: BatchNoise;
  /** What the recipe of image i says beside what all calls have. */
  readonly recipe: (index: number) => Recipe;
}

/** A call, from vectors on: small images, then large ones. */
export async function* decodeVectors(
  run: PipelineRun<UnCLIPDecoderComponents>,
  options: UnCLIPDecoderOptions,
  conditioning: UnCLIPConditioning,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { superResFirst } = run.components;
  const [height, width] = sampleSize(superResFirst.config.sample_size);
  const recipe = (i: number): Recipe => ({
    ...conditioning.recipe(i),
    seed: conditioning.noise.seedOf(i)?.toString(),
    steps: options.decoderNumInferenceSteps,
    guidanceScale: options.decoderGuidanceScale,
    ...{ width, height, superResSteps: options.superResNumInferenceSteps },
  });
  const small = yield* drawSmall(run, options, { ...conditioning, recipe });
  const large = yield* enlarge(run, options, small, { ...conditioning, recipe });
  return await finishUnconditional(run, large, options.outputType, recipe);
}

/** Small images, float32 [N, 3, h, w] in -1..1. */
async function* drawSmall(
  run: PipelineRun<UnCLIPDecoderComponents>,
  options: UnCLIPDecoderOptions,
  { vectors, text, guidance, noise, recipe }: UnCLIPConditioning,
): AsyncGenerator<PipelineStep, Tensor> {
  const { decoder, decoderScheduler: scheduler, textProj } = run.components;
  const { decoderNumInferenceSteps = 25, decoderGuidanceScale = 8, signal } = options;
  const { textEncoderHiddenStates, additiveClipTimeEmbeddings } = await textProj.forward({
    imageEmbeddings: vectors,
    promptEmbeds: text.pooled,
    textEncoderHiddenStates: text.states,
    doClassifierFreeGuidance: guidance,
    signal,
  });
  const { clip_extra_context_tokens: extra } = textProj.config;
  const conditions = {
    encoderHiddenStates: textEncoderHiddenStates,
    classLabels: additiveClipTimeEmbeddings,
    attentionMask: Tensor.cat([
      Tensor.full([text.mask.dims[0]!, extra], 1, text.mask.dtype),
      text.mask,
    ], 1),
    signal,
  };
  const { in_channels: channels, sample_size } = decoder.config;
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps: decoderNumInferenceSteps });
  const dims = [vectors.dims[0]!, channels, ...sampleSize(sample_size)];
  const start = initialLatents(dims, noise, scheduler, options.decoderLatents);
  const { latents } = yield* denoise(start, {
    ...{ scheduler, timesteps, options, settings: stepOptions(scheduler, noise) },
    async predict(pixels, timestep) {
      const input = guidance ? Tensor.cat([pixels, pixels]) : pixels;
      const { sample } = await decoder.forward(input, timestep, conditions);
      return guidance ? guideBesideVariance(sample, channels, decoderGuidanceScale) : sample;
    },
    preview: ({ prevSample }) => toImages(run, denormalize(atFullSize(run, prevSample)), recipe),
  });
  return latents.clamp(-1, 1);
}

/** Large images of small ones, float32 [N, 3, H, W] in about -1..1. */
async function* enlarge(
  run: PipelineRun<UnCLIPDecoderComponents>,
  options: UnCLIPDecoderOptions,
  small: Tensor,
  { noise, recipe }: Pick<UnCLIPConditioning, "noise" | "recipe">,
): AsyncGenerator<PipelineStep, Tensor> {
  const { superResFirst: first, superResLast: last, superResScheduler: scheduler } = run.components;
  const { superResNumInferenceSteps = 7, signal } = options;
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps: superResNumInferenceSteps });
  const [height, width] = sampleSize(first.config.sample_size);
  const dims = [small.dims[0]!, first.config.in_channels / 2, height, width];
  const start = initialLatents(dims, noise, scheduler, options.superResLatents);
  const beside = atFullSize(run, small);
  const { latents } = yield* denoise(start, {
    ...{ scheduler, timesteps, options, settings: stepOptions(scheduler, noise) },
    async predict(pixels, timestep, index) {
      const unet = index === timesteps.length - 1 ? last : first;
      return (await unet.forward(Tensor.cat([pixels, beside], 1), timestep, { signal })).sample;
    },
    preview: ({ prevSample }) => toImages(run, denormalize(prevSample), recipe),
  });
  return latents;
}

/** Small images as large as large ones. */
function atFullSize(
  { components: { superResFirst } }: PipelineRun<UnCLIPDecoderComponents>,
  small: Tensor,
): Tensor {
  const [height, width] = sampleSize(superResFirst.config.sample_size);
  return resizeSpatial(small, height, width, "bicubic-antialias");
}
