import {
  type CallOptions,
  type ComponentSpec,
  Generator,
  type ImageInput,
  type ImageOutput,
  type PipelineRun,
  type PipelineStep,
} from "@denoise/core";
import {
  batchNoise,
  checkPrompts,
  type ImagesInput,
  type Prompt,
  runThrough,
} from "@denoise/diffusion";
import {
  type BeginDecoding,
  decodeEmbeds,
  kandinskyDecoder,
  type KandinskyDecoderComponents,
  type KandinskyDecoderOptions,
  kandinskyDecoderOptions,
} from "./decoder.ts";
import { type KandinskyImageOptions, kandinskyImageOptions } from "./image_start.ts";
import { type KandinskyMaskOptions, kandinskyMaskOptions } from "./mask_start.ts";
import {
  beginPriorWithNoise,
  kandinskyPrior,
  type KandinskyPriorComponents,
  type KandinskyPriorOutput,
  makeEmbeds,
  type PriorTextOptions,
  priorTextOptions,
} from "./prior.ts";

/** What the prior in a pipeline of both consists of. */
export interface KandinskyPriorParts {
  /** PriorTransformer. */
  readonly priorPrior: KandinskyPriorComponents["prior"];
  /** CLIPVisionModelWithProjection. */
  readonly priorImageEncoder: KandinskyPriorComponents["imageEncoder"];
  /** CLIPTextModelWithProjection. */
  readonly priorTextEncoder: KandinskyPriorComponents["textEncoder"];
  /** CLIPTokenizer. */
  readonly priorTokenizer: KandinskyPriorComponents["tokenizer"];
  /** UnCLIPScheduler. */
  readonly priorScheduler: KandinskyPriorComponents["scheduler"];
  /** CLIPImageProcessor. */
  readonly priorImageProcessor: KandinskyPriorComponents["imageProcessor"];
}

/** What prior and decoder together consist of. */
export interface KandinskyCombinedComponents
  extends KandinskyDecoderComponents, KandinskyPriorParts {}

/** The prior's components of the definitions of such pipelines. */
export const kandinskyPriorParts: { readonly [K in keyof KandinskyPriorParts]: ComponentSpec } = {
  priorPrior: kandinskyPrior.prior,
  priorImageEncoder: kandinskyPrior.imageEncoder,
  priorTextEncoder: kandinskyPrior.textEncoder,
  priorTokenizer: kandinskyPrior.tokenizer,
  priorScheduler: kandinskyPrior.scheduler,
  priorImageProcessor: kandinskyPrior.imageProcessor,
};

/** The components that the definitions of these pipelines share. */
export const kandinskyCombined: {
  readonly [K in keyof KandinskyCombinedComponents]: ComponentSpec;
} = { ...kandinskyDecoder, ...kandinskyPriorParts };

/** How the prior of a call takes part. */
export interface KandinskyPriorPartOptions extends Pick<PriorTextOptions, "negativePrompt"> {
  /** How closely the prior follows the prompt. Defaults to 4; no guidance at 1 or below. */
  readonly priorGuidanceScale?: number | undefined;
  /** Number of denoising steps of the prior. Defaults to 25. */
  readonly priorNumInferenceSteps?: number | undefined;
  /** Own noise for the prior to begin with, float32 [N, width]; with a negative prompt twice as many rows. */
  readonly latents?: PriorTextOptions["latents"];
}

/** Leaves out what the prior gives to the decoder. */
export type WithoutEmbeds<O> = Omit<O, "imageEmbeds" | "negativeImageEmbeds" | "latents">;

/** Options of a call that makes images of texts. */
export interface KandinskyCombinedNoiseOptions
  extends WithoutEmbeds<KandinskyDecoderOptions>, KandinskyPriorPartOptions {}

/** Options of a call that changes an image. */
export interface KandinskyCombinedImageOptions
  extends WithoutEmbeds<KandinskyImageOptions>, KandinskyPriorPartOptions {}

/** Options of a call that inpaints. */
export interface KandinskyCombinedMaskOptions
  extends WithoutEmbeds<KandinskyMaskOptions>, KandinskyPriorPartOptions {}

const priorPart: CallOptions<KandinskyPriorPartOptions> = {
  negativePrompt: priorTextOptions.negativePrompt,
  priorGuidanceScale: { type: "number" },
  priorNumInferenceSteps: priorTextOptions.numInferenceSteps,
  latents: priorTextOptions.latents,
};

const { imageEmbeds: _e, negativeImageEmbeds: _n, latents: _l, ...decoder } =
  kandinskyDecoderOptions;
const { imageEmbeds: _ie, negativeImageEmbeds: _in, ...image } = kandinskyImageOptions;
const { imageEmbeds: _me, negativeImageEmbeds: _mn, latents: _ml, ...mask } = kandinskyMaskOptions;

/** The declarations of {@linkcode KandinskyCombinedNoiseOptions}. */
export const kandinskyCombinedOptions: CallOptions<KandinskyCombinedNoiseOptions> = {
  ...decoder,
  ...priorPart,
};

/** The declarations of {@linkcode KandinskyCombinedImageOptions}. */
export const kandinskyCombinedImageOptions: CallOptions<KandinskyCombinedImageOptions> = {
  ...image,
  ...priorPart,
};

/** The declarations of {@linkcode KandinskyCombinedMaskOptions}. */
export const kandinskyCombinedMaskOptions: CallOptions<KandinskyCombinedMaskOptions> = {
  ...mask,
  ...priorPart,
};

/** The defaults of the prior's part. */
export const kandinskyPriorPartDefaults = {
  priorGuidanceScale: 4,
  priorNumInferenceSteps: 25,
} as const satisfies KandinskyPriorPartOptions;

/** Images and masks of a call, one or several. */
export interface CombinedImages {
  /** The image that is changed, or several. */
  readonly image?: ImagesInput | undefined;
  /** What is inpainted. */
  readonly maskImage?: ImagesInput | undefined;
}

/**
 * Prompts to vectors by the prior, these to images by the decoder.
 *
 * @param begin How the decoder begins.
 */
export async function* combine<O extends KandinskyCombinedNoiseOptions & CombinedImages>(
  run: PipelineRun<KandinskyCombinedComponents>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginDecoding<O & KandinskyPriorOutput>,
): AsyncGenerator<PipelineStep, ImageOutput> {
  return yield* decodeEmbeds(run, await callOfDecoder(run, prompt, options), begin);
}

/**
 * The options of the decoder's call, the vectors of the prompts among them. The generators of the images draw
 * for the prior first.
 */
export async function callOfDecoder<O extends KandinskyCombinedNoiseOptions & CombinedImages>(
  run: PipelineRun<KandinskyPriorParts>,
  prompt: Prompt | undefined,
  options: O,
): Promise<O & KandinskyPriorOutput> {
  const { components } = run;
  const { negativePrompt, numImagesPerPrompt = 1, seed, generator, signal, latents } = options;
  checkPrompts(prompt, { negativePrompt });
  const count = [prompt ?? []].flat().length * numImagesPerPrompt;
  const noise = batchNoise(count, { seed, generator });
  const steps = makeEmbeds(
    {
      ...run,
      components: {
        prior: components.priorPrior,
        imageEncoder: components.priorImageEncoder,
        textEncoder: components.priorTextEncoder,
        tokenizer: components.priorTokenizer,
        scheduler: components.priorScheduler,
        imageProcessor: components.priorImageProcessor,
      },
    },
    prompt,
    {
      ...{ negativePrompt, numImagesPerPrompt, signal, latents },
      generator: generator === undefined && negativePrompt !== undefined
        ? withNegative(noise.generator as readonly Generator[])
        : noise.generator,
      guidanceScale: options.priorGuidanceScale,
      numInferenceSteps: options.priorNumInferenceSteps,
    },
    beginPriorWithNoise,
  );
  return {
    ...options,
    ...await runThrough(steps),
    ...tiled(options, count),
    numImagesPerPrompt: 1,
    latents: undefined,
    seed: undefined,
    generator: noise.generator,
  };
}

/** The generators of the images, and for what is not wanted others from the same seeds. */
function withNegative(generators: readonly Generator[]): Generator[] {
  return [...generators, ...generators.map(({ initialSeed }) => new Generator(initialSeed))];
}

/** Images again and again until there is one for each vector, as the reference has them. */
function tiled({ image, maskImage }: CombinedImages, count: number): CombinedImages {
  const tile = (images: ImagesInput | undefined) => {
    if (images === undefined) return undefined;
    const list = [images].flat() as readonly ImageInput[];
    const times = count % list.length === 0 ? count / list.length : 1;
    return Array.from({ length: times }, () => list).flat();
  };
  return {
    ...(image === undefined ? {} : { image: tile(image) }),
    ...(maskImage === undefined ? {} : { maskImage: tile(maskImage) }),
  };
}
