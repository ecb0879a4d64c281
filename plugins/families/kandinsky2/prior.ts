import {
  type CallOptions,
  type ComponentSpec,
  type ImageInput,
  type PipelineRun,
  type PipelineStep,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  batchNoise,
  checkPrompts,
  denoiseVectors,
  encodePriorText,
  initialLatents,
  joinPriorTexts,
  type Prompt,
  retrieveTimesteps,
  stepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { FeatureExtractor, Prior, TextEncoder, Tokenizer } from "@denoise/roles";
import type { VectorEncoder } from "./vector_encoder.ts";

/** What a prior consists of. */
export interface KandinskyPriorComponents {
  /** PriorTransformer. */
  readonly prior: Prior<{ readonly embedding_dim: number }>;
  /** CLIPVisionModelWithProjection. */
  readonly imageEncoder: VectorEncoder;
  /** CLIPTextModelWithProjection. */
  readonly textEncoder: TextEncoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
  /** UnCLIPScheduler. */
  readonly scheduler: Scheduler;
  /** CLIPImageProcessor. */
  readonly imageProcessor: FeatureExtractor;
}

/** The components that the definitions of priors share. */
export const kandinskyPrior: { readonly [K in keyof KandinskyPriorComponents]: ComponentSpec } = {
  prior: { kind: "model" },
  imageEncoder: { kind: "model" },
  textEncoder: { kind: "model" },
  tokenizer: { kind: "tokenizer" },
  scheduler: { kind: "scheduler" },
  imageProcessor: { kind: "processor" },
};

/** Options of a call of a prior. */
export interface PriorTextOptions
  extends Pick<RunOptions, "seed" | "generator" | "signal" | "callbackOnStepEnd"> {
  /**
   * What is not wanted, in one text for all prompts or one for each. Its vectors are made as those of the
   * prompts are; without it they are what CLIP sees in a black image.
   */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** Vectors made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Number of denoising steps. Defaults to 25. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the prompt is followed. Defaults to 4; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Own noise to begin with, float32 [N, width]; with a negative prompt twice as many rows. */
  readonly latents?: Tensor | undefined;
}

/** The declarations of {@linkcode PriorTextOptions}. */
export const priorTextOptions: CallOptions<PriorTextOptions> = {
  seed: runOptions.seed,
  generator: runOptions.generator,
  signal: runOptions.signal,
  callbackOnStepEnd: runOptions.callbackOnStepEnd,
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  latents: { type: "tensor" },
};

/** The defaults of {@linkcode PriorTextOptions}. */
export const kandinskyPriorDefaults = {
  numInferenceSteps: 25,
  guidanceScale: 4,
} as const satisfies PriorTextOptions;

/** What a prior gives: options of the pipelines of decoders. */
export interface KandinskyPriorOutput {
  /** The vectors of the images to make, float32 [N, width]. */
  readonly imageEmbeds: Tensor;
  /** Those of what is not wanted, float32 [N, width]. */
  readonly negativeImageEmbeds: Tensor;
}

/** Where a call of a prior begins. */
export interface PriorStart {
  /** The first vectors, float32 [N, width]. */
  readonly latents: Tensor;
  /** The timesteps from here on. */
  readonly timesteps: readonly number[];
}

/** Makes the first vectors of a call of a prior, of so many rows. */
export type BeginPrior<O extends PriorTextOptions> = (
  run: PipelineRun<KandinskyPriorComponents>,
  options: O,
  facts: { readonly count: number; readonly noise: BatchNoise },
) => PriorStart | Promise<PriorStart>;

/** From noise. */
export const beginPriorWithNoise: BeginPrior<PriorTextOptions> = (
  { components: { prior, scheduler } },
  options,
  { count, noise },
): PriorStart => {
  const timesteps = retrieveTimesteps(scheduler, options);
  const dims = [count, prior.config.embedding_dim];
  return { latents: initialLatents(dims, noise, scheduler, options.latents), timesteps };
};

/** A call of a prior. */
export async function* makeEmbeds<O extends PriorTextOptions>(
  run: PipelineRun<KandinskyPriorComponents>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginPrior<O>,
): AsyncGenerator<PipelineStep, KandinskyPriorOutput> {
  const { prior, scheduler } = run.components;
  const { negativePrompt, guidanceScale = 4, numImagesPerPrompt = 1 } = options;
  checkPrompts(prompt, { negativePrompt });
  const prompts = [prompt ?? []].flat();
  const negatives = negativePrompt === undefined ? [] : rowsOf(negativePrompt, prompts.length);
  const texts = [...prompts, ...negatives];
  const guidance = guidanceScale > 1;
  const away = negatives.length > 0 ? [...negatives, ...negatives] : texts.map(() => "");
  const { components, warn } = run;
  const wanted = await encodePriorText(components, texts, numImagesPerPrompt, warn);
  const text = guidance
    ? joinPriorTexts(await encodePriorText(components, away, numImagesPerPrompt), wanted)
    : wanted;

  const count = texts.length * numImagesPerPrompt;
  const noise = batchNoise(count, options);
  const { latents: start, timesteps } = await begin(run, options, { count, noise });
  const embeds = yield* denoiseVectors(start, {
    ...{ prior, scheduler, timesteps, options, text, settings: stepOptions(scheduler, noise) },
    guidanceScale: guidance ? guidanceScale : undefined,
  });
  if (negatives.length === 0) {
    return { imageEmbeds: embeds, negativeImageEmbeds: await black(run, embeds.dims[0]!) };
  }
  const [imageEmbeds, negativeImageEmbeds] = embeds.chunk(2) as [Tensor, Tensor];
  return { imageEmbeds, negativeImageEmbeds };
}

function rowsOf(text: string | readonly string[], count: number): readonly string[] {
  return typeof text === "string" ? Array<string>(count).fill(text) : text;
}

/** What CLIP sees in a black image, for so many rows. */
async function black(
  { components: { imageEncoder } }: PipelineRun<KandinskyPriorComponents>,
  count: number,
): Promise<Tensor> {
  const { image_size: size } = imageEncoder.config;
  const { imageEmbeds } = await imageEncoder.forward(Tensor.zeros([1, 3, size, size]));
  return vectorsOf(imageEncoder, imageEmbeds).repeat([count, 1]);
}

/** The vectors of images, float32 [N, width]; a tensor of pixels is taken as the image encoder wants it. */
export async function encodeImages(
  { imageEncoder, imageProcessor }: Pick<
    KandinskyPriorComponents,
    "imageEncoder" | "imageProcessor"
  >,
  images: readonly ImageInput[],
): Promise<Tensor> {
  const isPixels = images.every((image) => image instanceof Tensor);
  const pixels = isPixels ? Tensor.cat(images) : await imageProcessor.preprocess(images);
  return vectorsOf(imageEncoder, (await imageEncoder.forward(pixels)).imageEmbeds);
}

function vectorsOf(encoder: VectorEncoder, vectors: Tensor | undefined): Tensor {
  if (vectors !== undefined) return vectors;
  throw new TypeError(
    `Cannot encode an image by a ${encoder.className}: it gives no imageEmbeds; use a ` +
      "CLIPVisionModelWithProjection",
  );
}
