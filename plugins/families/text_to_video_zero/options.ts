import { type CallOptions, type RunOptions, runOptions } from "@denoise/core";
import { type NoiseStartOptions, noiseStartOptions, timestepOptions } from "@denoise/diffusion";

/** Options of a call that makes a series of images. */
export interface VideoZeroOptions extends RunOptions, NoiseStartOptions {
  /** How many images are made. Defaults to 8. */
  readonly videoLength?: number | undefined;
  /** How far things move to the left from one image to the next, of an image 512 pixels wide. Defaults to 12. */
  readonly motionFieldStrengthX?: number | undefined;
  /** How far they move up, of an image 512 pixels high. Defaults to 12. */
  readonly motionFieldStrengthY?: number | undefined;
  /** Counted from the last step, the step at which latents are moved. Defaults to 44. */
  readonly t0?: number | undefined;
  /** The same of the step from which all images are denoised, before `t0`. Defaults to 47. */
  readonly t1?: number | undefined;
  /** The place of each image in the whole series, where a call makes a part of it: as many as `videoLength`. */
  readonly frameIds?: readonly number[] | undefined;
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the images follow the prompt. Defaults to 7.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode VideoZeroOptions}. */
export const videoZeroOptions: CallOptions<VideoZeroOptions> = {
  ...runOptions,
  ...noiseStartOptions,
  videoLength: { type: "integer", minimum: 1, cost: "images" },
  motionFieldStrengthX: { type: "number" },
  motionFieldStrengthY: { type: "number" },
  t0: { type: "integer", minimum: 0, cost: "none" },
  t1: { type: "integer", minimum: 1, cost: "none" },
  frameIds: { type: "integer", list: "required", cost: "none" },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** The defaults of {@linkcode VideoZeroOptions}. */
export const videoZeroDefaults = {
  videoLength: 8,
  motionFieldStrengthX: 12,
  motionFieldStrengthY: 12,
  t0: 44,
  t1: 47,
  numInferenceSteps: 50,
  guidanceScale: 7.5,
} as const;
