import { type CallOptions, type RunOptions, runOptions, type Tensor } from "@denoise/core";
import {
  calculateShift,
  checkSize,
  type Family,
  type LatentOptions,
  packLatents,
  planFlowRun,
  type TimestepOptions,
  timestepOptions,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { QwenImageComponents } from "./components.ts";
import {
  encodeQwenImagePrompts,
  type QwenImagePromptOptions,
  qwenImagePromptOptions,
} from "./prompts.ts";

/** Options that all calls of Qwen-Image take. */
export interface QwenImageOptions
  extends RunOptions, QwenImagePromptOptions, Omit<TimestepOptions, "timesteps"> {
  /** Guidance by a second call for the negative prompt, above 1 and where there is one. Defaults to 4. */
  readonly trueCfgScale?: number | undefined;
}

const { timesteps: _timesteps, ...stepOptions } = timestepOptions;

/** The declarations of {@linkcode QwenImageOptions}. */
export const qwenImageOptions: CallOptions<QwenImageOptions> = {
  ...runOptions,
  ...qwenImagePromptOptions,
  ...stepOptions,
  trueCfgScale: { type: "number" },
};

/** Latents of a side where the call says none (`default_sample_size`). */
const TRAINED_SIZE = 128;

/**
 * Qwen-Image (Qwen Team, 2025, arXiv:2508.02324): a rectified flow on latents of 16 channels packed into tokens of
 * 2x2, conditioned on the states of a language model. With a negative prompt a step is two calls, and each token
 * of the guided prediction is as long as that of the prompt alone.
 */
export const qwenImage: Family<QwenImageComponents, LatentOptions & QwenImageOptions, never> = {
  name: "qwen-image",
  size({ vae }, given) {
    const factor = vaeScaleFactor(vae);
    const trained = TRAINED_SIZE * factor;
    const { height = trained, width = trained } = given;
    checkSize(height, width, 2 * factor); // two latents are a token
    return { height, width };
  },
  plan({ vae, scheduler }, options, { height, width }) {
    const token = 2 * vaeScaleFactor(vae);
    const tokens = (height / token) * (width / token);
    return planFlowRun(scheduler, options, calculateShift(tokens, scheduler));
  },
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { trueCfgScale = 4, signal } = options;
    const texts = await encodeQwenImagePrompts(run, prompt, options, trueCfgScale > 1);
    const { wanted, unwanted } = texts;
    return {
      count: wanted.length,
      facts: { trueCfgScale: unwanted && trueCfgScale },
      denoiser(size) {
        const factor = vaeScaleFactor(vae);
        const [rows, columns] = [size.height / factor, size.width / factor];
        const imgShapes = [[1, rows / 2, columns / 2]] as const;
        return async ({ input, timestep }) => {
          const tokens = packLatents(input);
          const time = Math.fround(timestep / 1000);
          const predict = async (encoderHiddenStates: readonly Tensor[]) => {
            const given = { encoderHiddenStates, imgShapes, signal };
            return (await transformer.forward(tokens, time, given)).sample;
          };
          const text = await predict(wanted);
          if (unwanted === undefined) return unpackLatents(text, rows, columns);
          const guided = guideByLength(text, await predict(unwanted), trueCfgScale);
          return unpackLatents(guided, rows, columns);
        };
      },
    };
  },
};

/**
 * Classifier-free guidance, each token brought to the length that it has for the prompt alone.
 *
 * @param text float32 [N, tokens, C].
 * @param negative float32 [N, tokens, C].
 */
export function guideByLength(text: Tensor, negative: Tensor, scale: number): Tensor {
  const guided = negative.add(text.sub(negative).mul(scale));
  return guided.mul(lengths(text).div(lengths(guided)));
}

/** Euclidean length over the last axis, which stays. */
function lengths(x: Tensor): Tensor {
  return x.mul(x).sum([-1], { keepDims: true }).sqrt();
}
