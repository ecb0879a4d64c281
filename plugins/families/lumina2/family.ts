import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import { type CallOptions, type RunOptions, runOptions, type Tensor } from "@denoise/core";
import {
  calculateShift,
  checkSize,
  encodeMaskedPrompts,
  type Family,
  type FlowStepOptions,
  flowStepOptions,
  type LatentOptions,
  latentSpace,
  type MaskedPromptOptions,
  maskedPromptOptions,
  type MaskedText,
  planFlowRun,
  textParts,
  vaeScaleFactor,
  warnOfCut,
} from "@denoise/diffusion";
import type { Lumina2Components } from "./components.ts";

/** Options that calls of Lumina 2 take. */
export interface Lumina2Options
  extends RunOptions, MaskedPromptOptions, FlowStepOptions, AttentionKwargs {
  /** How closely the image follows the prompt. Defaults to 4; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** What the language model reads before each prompt, but not before negative ones. */
  readonly systemPrompt?: string | undefined;
  /** The part of the steps after which there is no guidance, 0..1. Defaults to 1: there is to the end. */
  readonly cfgTruncRatio?: number | undefined;
  /** Whether guided predictions are as long as those for the text. Defaults to true. */
  readonly cfgNormalization?: boolean | undefined;
}

/** The declarations of {@linkcode Lumina2Options}. */
export const lumina2Options: CallOptions<Lumina2Options> = {
  ...attentionKwargs,
  ...runOptions,
  ...maskedPromptOptions,
  ...flowStepOptions,
  guidanceScale: { type: "number" },
  systemPrompt: { type: "string" },
  cfgTruncRatio: { type: "number" },
  cfgNormalization: { type: "boolean" },
};

/** What the language model reads first where the call does not say it. */
const SYSTEM =
  "You are an assistant designed to generate superior images with the superior degree of " +
  "image-text alignment based on textual prompts or user prompts.";

/** Tokens of a text, where the call does not say it. */
const LENGTH = 256;

/**
 * Lumina-Image 2.0 (Qin et al., 2025, arXiv:2503.21758): a rectified flow from noise (0) to data (1), conditioned
 * on the states of a language model before its last layer.
 */
export const lumina2: Family<Lumina2Components, LatentOptions & Lumina2Options, never> = {
  name: "lumina2",
  size({ transformer, vae }, given) {
    const factor = vaeScaleFactor(vae);
    const trained = transformer.config.sample_size * factor;
    const { height = trained, width = trained } = given;
    checkSize(height, width, factor * transformer.config.patch_size);
    return { height, width };
  },
  // diffusers counts the channels of the latents as tokens
  plan: ({ vae, scheduler }, options) =>
    planFlowRun(scheduler, options, calculateShift(latentSpace(vae).channels, scheduler)),
  async encode(run, prompt, options) {
    const { components, warn } = run;
    const { transformer, scheduler } = components;
    const { guidanceScale = 4, systemPrompt = SYSTEM, maxSequenceLength = LENGTH } = options;
    const { cfgTruncRatio = 1, cfgNormalization = true, signal } = options;
    const [text, negative] = await encodeMaskedPrompts(prompt, options, guidanceScale > 1, {
      tiledMasks: true,
      async encode(texts, like) {
        const { tokenizer, textEncoder } = textParts(components);
        const read = like === undefined
          ? texts.map((one) => `${systemPrompt} <Prompt Start> ${one}`)
          : texts;
        const tokens = tokenizer.encode(read, {
          ...{ padding: "max_length", truncation: true, paddingSide: "right" },
          maxLength: maxSequenceLength,
        });
        warnOfCut({ tokenizer, warn }, tokens, maxSequenceLength);
        const { attentionMask: mask } = tokens;
        const [embeds] = await textEncoder.hiddenStates(tokens.inputIds, [-2], {
          attentionMask: mask,
          signal,
        });
        return { embeds: embeds!, mask };
      },
    });
    const predict = async (latents: Tensor, time: number, { embeds, mask }: MaskedText) =>
      (await transformer.forward(latents, time, {
        ...{ encoderHiddenStates: embeds, encoderAttentionMask: mask, signal },
      })).sample;
    return {
      count: text.embeds.dims[0]!,
      facts: { guidanceScale },
      denoiser: () => async ({ input, timestep, index }) => {
        const time = Math.fround(1 - Math.fround(timestep / 1000));
        const wanted = await predict(input, time, text);
        const isOver = (index + 1) / scheduler.numInferenceSteps! > cfgTruncRatio;
        if (negative === undefined || isOver) return wanted.mul(-1);
        const unwanted = await predict(input, time, negative);
        const guided = unwanted.add(wanted.sub(unwanted).mul(guidanceScale));
        return (cfgNormalization ? guided.mul(rowLengths(wanted).div(rowLengths(guided))) : guided)
          .mul(-1);
      },
    };
  },
};

/** The Euclidean length of each row of latents, float32 [N, C, h, 1]. */
function rowLengths(x: Tensor): Tensor {
  const squares = x.mul(x);
  return squares.sum([3], { keepDims: true }).map(Math.sqrt);
}
