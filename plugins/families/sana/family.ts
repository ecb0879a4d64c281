import { type AttentionKwargs, attentionKwargs } from "@denoise/adapters";
import {
  type CallOptions,
  type ImageSize,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  type BinnedModels,
  type BinnedStartOptions,
  bothTexts,
  type Family,
  fromBinnedNoise,
  guide,
  type LatentOptions,
  latentSpace,
  RESOLUTION_BINS,
  type SizeOptions,
  type Start,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { SanaComponents } from "./components.ts";
import { encodeSanaPrompts, type SanaPromptOptions, sanaPromptOptions } from "./prompts.ts";

/** Options that calls of Sana take. */
export interface SanaOptions
  extends RunOptions, SanaPromptOptions, TimestepOptions, AttentionKwargs {
  /** How closely the image follows the prompt. Defaults to 4.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode SanaOptions}. */
export const sanaOptions: CallOptions<SanaOptions> = {
  ...attentionKwargs,
  ...runOptions,
  ...sanaPromptOptions,
  ...timestepOptions,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** Pixels of a side where the call does not say it, whatever the model. */
const SIDE = 1024;

/** The sizes of Sana's models. */
export const sanaSizes: BinnedModels<SanaComponents> = {
  trained: () => ({ height: SIDE, width: SIDE }),
  multiple: ({ transformer, vae }) =>
    Math.max(32, latentSpace(vae).factor * transformer.config.patch_size),
  bins: ({ transformer: { config: { sample_size: size } } }) =>
    size >= 16 ? RESOLUTION_BINS[32 * size] : undefined,
};

/** The size that a call of Sana says. */
export function sanaSize(_components: SanaComponents, given: SizeOptions): ImageSize {
  return { height: given.height ?? SIDE, width: given.width ?? SIDE };
}

/** From noise of a size that the transformer was trained with. */
export const fromSanaNoise: Start<SanaComponents, LatentOptions & BinnedStartOptions> =
  fromBinnedNoise(sanaSizes);

/**
 * Sana (Xie et al., 2024, arXiv:2410.10629): a transformer with linear attention on latents of a 32nd of the
 * image's size, which attends to the states of a language model.
 */
export const sana: Family<SanaComponents, LatentOptions & SanaOptions, never> = {
  name: "sana",
  size: sanaSize,
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { guidanceScale = 4.5, signal } = options;
    const [text, negative] = await encodeSanaPrompts(run, prompt, options, guidanceScale > 1);
    const { embeds, mask } = bothTexts(text, negative);
    const { channels } = latentSpace(vae);
    return {
      count: text.embeds.dims[0]!,
      facts: { guidanceScale },
      denoiser: () => async ({ latents, timestep }) => {
        const input = negative === undefined ? latents : Tensor.cat([latents, latents]);
        const time = Math.fround(timestep * transformer.config.timestep_scale);
        const { sample } = await transformer.forward(input, time, {
          ...{ encoderHiddenStates: embeds, encoderAttentionMask: mask, signal },
        });
        const guided = negative === undefined ? sample : guide(sample, guidanceScale);
        return guided.dims[1] === 2 * channels ? guided.chunk(2, 1)[0]! : guided;
      },
    };
  },
};
