import { type CallOptions, type RunOptions, runOptions, Tensor } from "@denoise/core";
import {
  calculateShift,
  checkSize,
  type Family,
  type LatentOptions,
  packLatents,
  planFlowRun,
  type ShiftConfig,
  type TimestepOptions,
  timestepOptions,
  unpackLatents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";
import {
  encodeFluxPrompts,
  type FluxPromptOptions,
  fluxPromptOptions,
  type FluxText,
} from "./prompts.ts";

/** Options that all calls of FLUX.1 take. */
export interface FluxOptions
  extends RunOptions, FluxPromptOptions, Omit<TimestepOptions, "timesteps"> {
  /** How closely the image follows the prompt, as models with `guidance_embeds` were taught. */
  readonly guidanceScale?: number | undefined;
  /** Guidance by a second call for the negative prompt, above 1. Defaults to 1: none. */
  readonly trueCfgScale?: number | undefined;
}

const { timesteps: _timesteps, ...stepOptions } = timestepOptions;

/** The declarations of {@linkcode FluxOptions}. */
export const fluxOptions: CallOptions<FluxOptions> = {
  ...runOptions,
  ...fluxPromptOptions,
  ...stepOptions,
  guidanceScale: { type: "number" },
  trueCfgScale: { type: "number" },
};

/** Latents of a side where neither call nor config says it (`default_sample_size`). */
const TRAINED_SIZE = 128;

/**
 * FLUX.1 (Black Forest Labs, 2024): a rectified flow on latents of 16 channels packed into tokens of
 * 2x2, conditioned on a pooled text of CLIP and the states of T5. The guidance scale is an input of the model, so
 * that a step is one call; with `trueCfgScale` and a negative prompt it is two.
 */
export const flux: Family<FluxComponents, LatentOptions & FluxOptions, never> = {
  name: "flux",
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
    return planFlowRun(scheduler, options, calculateShift(tokens, scheduler.config as ShiftConfig));
  },
  async encode(run, prompt, options) {
    const { transformer, vae } = run.components;
    const { guidanceScale = 3.5, trueCfgScale = 1, signal } = options;
    const [text, against] = await encodeFluxPrompts(
      run,
      prompt,
      trueCfgScale > 1 ? options : { ...options, negativePrompt: undefined },
    );
    const negative = trueCfgScale > 1 ? against : undefined;
    const guidance = transformer.config.guidance_embeds ? guidanceScale : undefined;
    return {
      count: text.embeds.dims[0]!,
      facts: { guidanceScale: guidance, trueCfgScale: negative && trueCfgScale },
      denoiser(size) {
        const factor = vaeScaleFactor(vae);
        const [rows, columns] = [size.height / factor, size.width / factor];
        const imgIds = gridIds(rows / 2, columns / 2);
        return async ({ input, timestep }) => {
          const tokens = packLatents(input);
          const predict = async ({ embeds, pooled }: FluxText) =>
            (await transformer.forward(tokens, Math.fround(timestep / 1000), {
              encoderHiddenStates: embeds,
              pooledProjections: pooled,
              imgIds,
              txtIds: Tensor.zeros([embeds.dims[1]!, 3]),
              guidance,
              signal,
            })).sample;
          const wanted = await predict(text);
          if (negative === undefined) return unpackLatents(wanted, rows, columns);
          const unwanted = await predict(negative);
          const guided = unwanted.add(wanted.sub(unwanted).mul(trueCfgScale));
          return unpackLatents(guided, rows, columns);
        };
      },
    };
  },
};

/**
 * Coordinates of the tokens of an image, float32 [rows·columns, 3]: which image, row, column.
 *
 * @param index 0 for the image that is made; reference images have other ones.
 */
export function gridIds(rows: number, columns: number, index = 0): Tensor {
  const ids = new Float32Array(rows * columns * 3);
  for (let i = 0; i < rows * columns; i++) {
    ids.set([index, Math.floor(i / columns), i % columns], 3 * i);
  }
  return Tensor.from(ids, [rows * columns, 3]);
}
