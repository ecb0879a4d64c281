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
import { type CrossAttentionKwargs, crossAttentionKwargs } from "@denoise/adapters";
import {
  applyWatermark,
  type BatchNoise,
  batchNoise,
  captionOptions,
  denoise,
  denormalize,
  describeRun,
  guideBesideVariance,
  hideUnsafe,
  imageOutput,
  type Prompt,
  type RunPlan,
  stepOptions,
  textPairOptions,
  type TimestepOptions,
  timestepOptions,
  toImages,
  withLearnedVariance,
} from "@denoise/diffusion";
import { type IFComponents, ifSize } from "./components.ts";
import { bothStates, encodeIFTexts, type IFTextOptions } from "./text.ts";

/** Options that all calls take. */
export interface IFCallOptions
  extends RunOptions, IFTextOptions, Omit<TimestepOptions, "sigmas">, CrossAttentionKwargs {
  /** How closely the image follows the prompt; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

const { sigmas: _, ...steps } = timestepOptions;

/** The declarations of {@linkcode IFCallOptions}. */
export const ifCallOptions: CallOptions<IFCallOptions> = {
  ...runOptions,
  ...textPairOptions,
  ...captionOptions,
  ...steps,
  ...crossAttentionKwargs,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** How a call begins. */
export interface IFStart {
  /** The first pixels, float32 [N, C, H, W] in about -1..1. */
  readonly pixels: Tensor;
  /** The timesteps from here on. */
  readonly plan: RunPlan;
  /** What the UNet is given beside pixels, with how much noise is in it. */
  readonly beside?: NoisedImages | undefined;
  /** What the recipes of images say of it. */
  readonly facts?: Recipe | undefined;
  /** What of a step's pixels goes on, of those before it. Defaults to all of the step's. */
  keep?(stepped: Tensor, before: Tensor): Tensor;
}

/** Images with noise. */
export interface NoisedImages {
  /** float32 [N, C, H, W]. */
  readonly images: Tensor;
  /** The timestep of the noise. */
  readonly noiseLevel: number;
}

/** What a start is given. */
export interface IFCallFacts {
  /** Images to make. */
  readonly count: number;
  /** How many prompts they are made of. */
  readonly prompts: number;
  /** Where the noise of the images comes from. */
  readonly noise: BatchNoise;
}

/** Makes the first pixels of a call. */
export type BeginIF<C extends IFComponents, O extends IFCallOptions> = (
  run: PipelineRun<C>,
  options: O,
  facts: IFCallFacts,
) => IFStart | Promise<IFStart>;

/** A call: texts, a start, the steps, and what is shown of them. */
export async function* drawPixels<C extends IFComponents, O extends IFCallOptions>(
  run: PipelineRun<C>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginIF<C, O>,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { unet, scheduler } = run.components;
  const { guidanceScale = 1, numImagesPerPrompt = 1, eta = 0, signal } = options;
  const guided = guidanceScale > 1;
  const text = await encodeIFTexts(run, prompt, options, guided);
  const count = text.wanted.dims[0]!;
  const noise = batchNoise(count, options);
  const facts = { count, prompts: count / numImagesPerPrompt, noise };
  const begun = await begin(run, options, facts);
  const { pixels: start, plan, beside } = begun;
  const [, channels = 0, height = 0, width = 0] = start.dims;
  const encoderHiddenStates = bothStates(text);
  const classLabels = beside && Tensor.full([encoderHiddenStates.dims[0]!], beside.noiseLevel);
  const conditioning = { encoderHiddenStates, classLabels, signal };
  const recipe = describeRun(
    prompt,
    options,
    {
      steps: plan.steps,
      guidanceScale,
      eta: options.eta,
      noiseLevel: beside?.noiseLevel,
      ...begun.facts,
      ...{ width, height },
    },
    noise,
  );
  let before = start;
  const { latents: pixels } = yield* denoise(start, {
    ...{ scheduler, timesteps: plan.timesteps, options },
    settings: stepOptions(scheduler, noise, { eta }),
    async predict(pixels, timestep) {
      before = pixels;
      const seen = beside ? Tensor.cat([pixels, beside.images], 1) : pixels;
      const input = scheduler.scaleModelInput(seen, timestep);
      const both = guided ? Tensor.cat([input, input]) : input;
      const { sample } = await unet.forward(both, timestep, conditioning);
      const guidedSample = guided ? guideBesideVariance(sample, channels, guidanceScale) : sample;
      return withLearnedVariance(guidedSample, channels, scheduler);
    },
    keep: ({ prevSample }) => begun.keep?.(prevSample, before) ?? prevSample,
    preview: ({ prevSample }) => toImages(run, denormalize(prevSample), recipe),
  });
  return await finish(run, pixels, options.outputType, recipe);
}

/** What a call gives for its last pixels: looked at by the safety checker, and marked where they are images. */
async function finish(
  run: PipelineRun<IFComponents>,
  pixels: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
): Promise<ImageOutput> {
  if (outputType === "latent") return { images: [], tensor: pixels };
  const { shown, found } = await hideUnsafe(run, denormalize(pixels));
  const { watermarker, unet } = run.components;
  const marked = watermarker === null || outputType === "tensor"
    ? shown
    : await applyWatermark(await run.images(), shown, watermarker, ifSize(unet).height);
  return { ...await imageOutput(run, marked, outputType, recipe), ...found };
}
