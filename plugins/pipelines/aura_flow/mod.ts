/**
 * AuraFlowPipeline: images from text with AuraFlow (fal, 2024), a rectified flow that is conditioned on the
 * states of Pile-T5.
 *
 * @example
 * ```ts ignore
 * import { AuraFlowPipeline } from "@denoise/denoise";
 *
 * const pipe = await AuraFlowPipeline.fromPretrained("fal/AuraFlow-v0.3");
 * const { images } = await pipe("a cat that holds a sign", { seed: 0 });
 * ```
 *
 * @module
 */
import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import {
  bothTexts,
  checkSize,
  encodeMaskedPrompts,
  encodeMaskedTexts,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  fromNoise,
  type LatentOptions,
  type MaskedPromptOptions,
  maskedPromptOptions,
  type NoiseStartOptions,
  noiseStartOptions,
  oneTextEncoder,
  planScheduledFlow,
  predictGuided,
  type Prompt,
  textToImagePipeline,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { Autoencoder, Denoiser, TokenEncoder, Tokenizer } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface AuraFlowDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What an AuraFlowPipeline consists of. */
export interface AuraFlowComponents {
  /** LlamaTokenizer; null with embeddings of one's own. */
  readonly tokenizer: Tokenizer | null;
  /** UMT5EncoderModel; null with embeddings of one's own. */
  readonly textEncoder: TokenEncoder | null;
  /** AutoencoderKL of 4 channels. */
  readonly vae: Autoencoder;
  /** AuraFlowTransformer2DModel. */
  readonly transformer: Denoiser<object, AuraFlowDenoiserOptions>;
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface AuraFlowOptions
  extends RunOptions, MaskedPromptOptions, FlowStepOptions, NoiseStartOptions, AttentionKwargs {
  /** How closely the image follows the prompt. Defaults to 3.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
}

const options: CallOptions<AuraFlowOptions> = {
  ...runOptions,
  ...maskedPromptOptions,
  ...flowStepOptions,
  ...attentionKwargs,
  ...noiseStartOptions,
  guidanceScale: { type: "number" },
};

/** The side of the images, in pixels, where nothing says it. */
const TRAINED_SIDE = 1024;
/** Tokens of a text, where the call does not say it. */
const LENGTH = 256;

const auraFlow: Family<AuraFlowComponents, LatentOptions & AuraFlowOptions, never> = {
  name: "aura-flow",
  size({ vae }, { height = TRAINED_SIDE, width = TRAINED_SIDE }) {
    checkSize(height, width, 2 * vaeScaleFactor(vae)); // two latents are a token
    return { height, width };
  },
  plan: ({ scheduler }, given) => planScheduledFlow(scheduler, given),
  async encode(run, prompt, given) {
    const { transformer } = run.components;
    const { guidanceScale = 3.5, maxSequenceLength = LENGTH, signal } = given;
    const guidance = guidanceScale > 1;
    const [text, negative] = await encodeMaskedPrompts(prompt, given, guidance, {
      async encode(texts, like) {
        const { embeds, mask } = await encodeMaskedTexts(run.components, texts, {
          maxLength: like?.embeds.dims[1] ?? maxSequenceLength,
          warn: like === undefined ? run.warn : undefined,
        });
        // what fills a text up counts, as zeros
        return { embeds: embeds.mul(mask.astype("float32").unsqueeze(2)), mask };
      },
    });
    const { embeds: encoderHiddenStates } = bothTexts(text, negative);
    return {
      count: text.embeds.dims[0]!,
      facts: { guidanceScale },
      denoiser: () => ({ input, timestep }) =>
        predictGuided(
          { guidance, guidanceScale },
          input,
          (rows) =>
            transformer.forward(rows, Math.fround(timestep / 1000), {
              ...{ encoderHiddenStates, signal },
            }),
        ),
    };
  },
};

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AuraFlowArguments = [prompt?: Prompt, options?: AuraFlowOptions];

/** A loaded AuraFlowPipeline. */
export type AuraFlowPipeline = Pipeline<AuraFlowComponents, AuraFlowArguments, ImageOutput>;

/** Text to images with AuraFlow; `AuraFlowPipeline` of diffusers. */
export const AuraFlowPipeline: PipelineClass<AuraFlowComponents, AuraFlowArguments, ImageOutput> =
  textToImagePipeline({
    className: "AuraFlowPipeline",
    task: "text-to-image",
    family: auraFlow,
    start: fromNoise,
    ...oneTextEncoder,
    options,
    defaults: { numInferenceSteps: 50, guidanceScale: 3.5 },
  });
