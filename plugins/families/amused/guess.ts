import {
  type Image,
  type ImageOutput,
  type ImageSize,
  type PipelineRun,
  type PipelineStep,
  type Recipe,
  type Scheduler,
  type StepOptions,
  Tensor,
} from "@denoise/core";
import {
  type BatchNoise,
  batchNoise,
  checkSize,
  denoise,
  describeRun,
  imageOutput,
  predictGuided,
  type Prompt,
  toImages,
} from "@denoise/diffusion";
import { type AmusedComponents, sideMultiple, tokenFactor } from "./components.ts";
import type { AmusedOptions } from "./options.ts";
import { encodeAmusedText } from "./text.ts";

/** Options of `step` of the scheduler. */
type GuessOptions = StepOptions & { readonly startingMaskRatio?: number | undefined };

/** Where a call begins. */
export interface TokenStart {
  /** The size of what is made. */
  readonly size: ImageSize;
  /** The tokens to begin with, those that are masked among them, int64 [N, h, w]. */
  readonly tokens: Tensor;
  /** The scheduler, its timesteps set. */
  readonly scheduler: Scheduler;
  /** The timesteps to go through. */
  readonly timesteps: readonly number[];
  /** The share of tokens that are masked. Defaults to 1. */
  readonly startingMaskRatio?: number | undefined;
  /** What the recipe says beside what all calls have. */
  readonly facts?: Recipe | undefined;
}

/** Makes the first tokens of a call, for so many images. */
export type BeginWithTokens<O extends AmusedOptions> = (
  run: PipelineRun<AmusedComponents>,
  options: O,
  facts: { readonly count: number; readonly noise: BatchNoise },
) => Promise<TokenStart>;

/** A call. */
export async function* guessTokens<O extends AmusedOptions>(
  run: PipelineRun<AmusedComponents>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginWithTokens<O>,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { components } = run;
  const { guidanceScale = 10, numInferenceSteps = 12, outputType, signal } = options;
  checkComponents(components);
  const guidance = guidanceScale > 1;
  const { count, states, pooled } = await encodeAmusedText(run, prompt, options, guidance);
  const noise = batchNoise(count, options);
  const start = await begin(run, options, { count, noise });
  const { size: { width, height }, scheduler, timesteps, startingMaskRatio } = start;
  checkSize(height, width, sideMultiple(components));

  const microConds = microConditioning(start.size, options).repeat([pooled.dims[0]!, 1]);
  const conditioning = { encoderHiddenStates: states, pooledTextEmb: pooled, microConds, signal };
  const settings: GuessOptions = { generator: noise.generator, startingMaskRatio };
  const facts = { steps: numInferenceSteps, guidanceScale, width, height, ...start.facts };
  const recipe = describeRun(
    inRounds(prompt, count),
    {
      negativePrompt: inRounds(options.negativePrompt, count),
    },
    facts,
    noise,
  );
  const decode = (tokens: Tensor) => decodeTokens(components, tokens);
  const { latents: tokens } = yield* denoise(start.tokens, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (tokens) =>
      predictGuided({ guidance, guidanceScale }, tokens, async (input) => {
        const { logits } = await components.transformer.forward(input, conditioning);
        return { sample: logits };
      }),
    preview: async ({ predOriginalSample }) =>
      await preview(run, decode, predOriginalSample!, recipe),
  });
  if (outputType === "latent") return { images: [], tensor: tokens };
  return await imageOutput(run, await decode(tokens), outputType, recipe);
}

/** A list once more for each round of images. */
function inRounds(texts: Prompt | undefined, count: number): Prompt | undefined {
  if (texts === undefined || typeof texts === "string") return texts;
  return Array.from({ length: count }, (_, i) => texts[i % texts.length]!);
}

function checkComponents({ vqvae, scheduler }: AmusedComponents): void {
  if (!vqvae.config.lookup_from_codebook) {
    throw new TypeError(
      `Cannot decode tokens by this ${vqvae.className}: its lookup_from_codebook is false, and must be true`,
    );
  }
  if (scheduler.takesPlanOption("temperature")) return;
  throw new TypeError(
    `Cannot guess tokens with a ${scheduler.className}: it takes no temperature; use AmusedScheduler`,
  );
}

/** Width before height, as the reference has them, then the crop and the score: float32 [1, 5]. */
function microConditioning({ width, height }: ImageSize, options: AmusedOptions): Tensor {
  const { microConditioningAestheticScore: score = 6 } = options;
  const { microConditioningCropCoord: crop = [0, 0] } = options;
  if (crop.length === 2) return Tensor.from([[width, height, crop[0]!, crop[1]!, score]]);
  throw new RangeError(
    `Cannot crop at ${JSON.stringify(crop)}: microConditioningCropCoord is two numbers`,
  );
}

/** Tokens, int64 [N, h, w], to images in 0..1. */
async function decodeTokens({ vqvae }: AmusedComponents, tokens: Tensor): Promise<Tensor> {
  const [count, height, width] = tokens.dims as [number, number, number];
  const shape = [count, height, width, vqvae.config.latent_channels] as const;
  const { sample } = await vqvae.decode(tokens, { forceNotQuantize: true, shape });
  return sample.clamp(0, 1);
}

/**
 * Images of the tokens that a step has guessed. Tokens have no colours of their own, so that "linear" shows them as
 * "vae" does.
 */
async function preview(
  run: PipelineRun<AmusedComponents>,
  decode: (tokens: Tensor) => Promise<Tensor>,
  tokens: Tensor,
  recipe: (index: number) => Recipe,
): Promise<Image[]> {
  if (run.preview !== undefined && typeof run.preview !== "string") {
    throw new TypeError(
      'Cannot preview tokens by another autoencoder: they are numbers of this one\'s codebook; use "vae"',
    );
  }
  return await toImages(run, await decode(tokens), recipe);
}

/** The tokens of an image of a size, [N, h, w]. */
export function tokenDims(
  components: AmusedComponents,
  count: number,
  { height, width }: ImageSize,
): readonly [number, number, number] {
  const factor = tokenFactor(components);
  return [count, height / factor, width / factor];
}
