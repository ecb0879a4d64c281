import type { CallOptions, ComponentSpec, PipelineRun, Scheduler, Tensor } from "@denoise/core";
import {
  type BatchNoise,
  checkNoiseLevel,
  denoiseVectors,
  encodePriorText,
  type Family,
  initialLatents,
  joinPriorTexts,
  type LatentComponents,
  type LatentOptions,
  type Prompt,
  retrieveTimesteps,
  runThrough,
  stepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { Prior, TextEncoder, Tokenizer } from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import { conditionOnText, type GuidanceOptions, guidanceOptions } from "./text_conditioning.ts";
import {
  followVectors,
  noised,
  sizeByUNet,
  type UnCLIPComponents,
  unclipComponents,
  type UnCLIPOptions,
  unclipOptions,
} from "./unclip.ts";

/** What Stable unCLIP from text consists of, which makes the vector of an image itself. */
export interface UnCLIPTextComponents
  extends Omit<UnCLIPComponents, "featureExtractor" | "imageEncoder"> {
  /** CLIPTokenizer. */
  readonly priorTokenizer: Tokenizer;
  /** CLIPTextModelWithProjection. */
  readonly priorTextEncoder: TextEncoder;
  /** PriorTransformer. */
  readonly prior: Prior<{ readonly embedding_dim: number }>;
  /** DDPMScheduler, or another whose `prediction_type` is `"sample"`. */
  readonly priorScheduler: Scheduler;
}

const { featureExtractor: _processor, imageEncoder: _encoder, ...shared } = unclipComponents;

/** The components that the definition of its pipeline has. */
export const unclipTextComponents: {
  readonly [K in keyof UnCLIPTextComponents]: ComponentSpec;
} = {
  priorTokenizer: { kind: "tokenizer" },
  priorTextEncoder: { kind: "model" },
  prior: { kind: "model" },
  priorScheduler: { kind: "scheduler" },
  ...shared,
};

/**
 * Options of a call that makes the vector itself. The prior reads the prompt as it stands, so that there are neither
 * states in its place nor a syntax of weights.
 */
export interface UnCLIPTextOptions
  extends
    Omit<GuidanceOptions, "promptEmbeds" | "promptSyntax">,
    Pick<UnCLIPOptions, "noiseLevel"> {
  /** Number of denoising steps of the vector. Defaults to 25. */
  readonly priorNumInferenceSteps?: number | undefined;
  /** How closely the vector follows the prompt. Defaults to 4; no guidance at 1 or below. */
  readonly priorGuidanceScale?: number | undefined;
  /** Own noise of the vector, float32 [N, width]. */
  readonly priorLatents?: Tensor | undefined;
}

const { promptEmbeds: _embeds, promptSyntax: _syntax, ...textOptions } = guidanceOptions;

/** The declarations of {@linkcode UnCLIPTextOptions}. */
export const unclipTextOptions: CallOptions<UnCLIPTextOptions> = {
  ...textOptions,
  noiseLevel: unclipOptions.noiseLevel,
  priorNumInferenceSteps: timestepOptions.numInferenceSteps,
  priorGuidanceScale: { type: "number" },
  priorLatents: { type: "tensor" },
};

/** Stable unCLIP from text: a prior makes the vector of an image, which the UNet follows beside the text. */
export const unclipFromText: Family<
  UnCLIPTextComponents & LatentComponents,
  LatentOptions & UnCLIPTextOptions,
  UNetControl
> = {
  name: "stable-unclip",
  size: sizeByUNet,
  async encode(run, prompt, options, facts) {
    const { components } = run;
    const { noiseLevel = 0 } = options;
    checkNoiseLevel(components.imageNoisingScheduler, noiseLevel);
    const text = await conditionOnText(run, prompt, options);
    const noise = facts.noise(text.count);
    const vectors = await makeVectors(run, prompt!, options, noise);
    const noisy = noised(components, vectors, noiseLevel, noise.generator);
    return followVectors(components.unet, noisy, text, options);
  },
};

/** The vectors of images of prompts, float32 [N, width]. */
async function makeVectors(
  { components, warn }: PipelineRun<UnCLIPTextComponents>,
  prompt: Prompt,
  options: LatentOptions & UnCLIPTextOptions,
  noise: BatchNoise,
): Promise<Tensor> {
  const { prior, priorScheduler: scheduler } = components;
  const { priorNumInferenceSteps = 25, priorGuidanceScale = 4, eta = 0, signal } = options;
  const { numImagesPerPrompt: each = 1 } = options;
  const encoder = {
    tokenizer: components.priorTokenizer,
    textEncoder: components.priorTextEncoder,
  };
  const texts = [prompt].flat();
  const wanted = await encodePriorText(encoder, texts, each, warn);
  const guidance = priorGuidanceScale > 1;
  const none = texts.map(() => "");
  const text = guidance
    ? joinPriorTexts(await encodePriorText(encoder, none, each), wanted)
    : wanted;
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps: priorNumInferenceSteps });
  const dims = [texts.length * each, prior.config.embedding_dim];
  const start = initialLatents(dims, noise, scheduler, options.priorLatents);
  return await runThrough(denoiseVectors(start, {
    ...{ prior, scheduler, timesteps, text, options: { signal } },
    settings: stepOptions(scheduler, noise, { eta }),
    guidanceScale: guidance ? priorGuidanceScale : undefined,
    scalesInput: true,
  }));
}
