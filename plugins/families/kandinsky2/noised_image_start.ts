import { type CallOptions, randnTensor } from "@denoise/core";
import { addNoiseByTimestep, makeNoiseSchedule } from "@denoise/schedules";
import { type BeginDecoding, checkSides, type DecoderStart } from "./decoder.ts";
import {
  cleanStart,
  kandinskyImageDefaults,
  type KandinskyImageOptions,
  kandinskyImageOptions,
} from "./image_start.ts";
import { type KandinskyNegativeText, kandinskyNegativeText } from "./text.ts";

/** Options of a call of the decoder of Kandinsky 2.1 that begins with an image. */
export interface KandinskyTextImageOptions extends KandinskyImageOptions, KandinskyNegativeText {
  /** Height of the images in pixels, a multiple of 64 where latents are an eighth. Defaults to 512. */
  readonly height?: number | undefined;
  /** Width of the images in pixels, a multiple of 64 where latents are an eighth. Defaults to 512. */
  readonly width?: number | undefined;
  /** How closely prompts and vectors are followed. Defaults to 7; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
}

/** The declarations of {@linkcode KandinskyTextImageOptions}. */
export const kandinskyTextImageOptions: CallOptions<KandinskyTextImageOptions> = {
  ...kandinskyImageOptions,
  ...kandinskyNegativeText,
};

/** The defaults of {@linkcode KandinskyTextImageOptions}. */
export const kandinskyTextImageDefaults = {
  ...kandinskyImageDefaults,
  guidanceScale: 7,
} as const satisfies Partial<KandinskyTextImageOptions>;

/** What noises images, whatever the scheduler was trained with (`add_noise`). */
const NOISE = makeNoiseSchedule({
  num_train_timesteps: 1000,
  beta_start: 0.0001,
  beta_end: 0.02,
  beta_schedule: "linear",
});

/**
 * From an image, noised as far as the strength says, by betas of its own. The reference takes squares alone;
 * rectangles are as high and as wide as is asked for.
 *
 * @throws {RangeError} for sides of no whole squares of latents.
 */
export const beginWithNoisedImage: BeginDecoding<KandinskyTextImageOptions> = async (
  run,
  options,
  facts,
): Promise<DecoderStart> => {
  const { scheduler, movq } = run.components;
  const { height = 512, width = 512, strength = 0.3 } = options;
  checkSides("change", options, movq);
  const clean = await cleanStart(run, options, facts, { height, width });
  const added = randnTensor(clean.latents.dims, facts.noise.generator);
  const { num_train_timesteps: trained = 1000 } = scheduler.config as {
    readonly num_train_timesteps?: number;
  };
  // two before the strength's, which may lie before the first: Python counts it from the end
  const timestep = Math.trunc(trained * strength) - 2;
  const place = timestep < 0 ? timestep + NOISE.alphasCumprod.length : timestep;
  const scaled = clean.latents.mul(scheduler.initNoiseSigma);
  return {
    ...clean,
    latents: addNoiseByTimestep(NOISE.alphasCumprod, scaled, added, [place]),
  };
};
