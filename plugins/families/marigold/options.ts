import { type CallOptions, type RunOptions, runOptions, type Tensor } from "@denoise/core";
import { type ImagesInput, imageStartOptions, timestepOptions } from "@denoise/diffusion";
import { type ResampleMethod, resampleMethods } from "./photo.ts";

/** Options of a call of Marigold. */
export interface MarigoldOptions extends Omit<RunOptions, "outputType"> {
  /** `"image"` for images that show the prediction, too, `"tensor"` for numbers alone. Defaults to `"image"`. */
  readonly outputType?: "image" | "tensor" | undefined;
  /** The photo, or several of one size; tensors are float32 [N, 3 or 1, H, W] in 0..1. */
  readonly image: ImagesInput;
  /** Number of denoising steps. Defaults to what the repo says (`default_denoising_steps`). */
  readonly numInferenceSteps?: number | undefined;
  /** Predictions of each photo, which are brought together into one. Defaults to 1. */
  readonly ensembleSize?: number | undefined;
  /**
   * The longer side of what is processed in pixels, a multiple of 8; 0 for the photo's own. Defaults to what
   * the repo says (`default_processing_resolution`).
   */
  readonly processingResolution?: number | undefined;
  /** Whether the prediction is brought to the size of the photo. Defaults to true. */
  readonly matchInputResolution?: boolean | undefined;
  /** How the photo is resized. Defaults to `"bilinear"`. */
  readonly resampleMethodInput?: ResampleMethod | undefined;
  /** How the prediction is resized. Defaults to `"bilinear"`. */
  readonly resampleMethodOutput?: ResampleMethod | undefined;
  /** Predictions made at once. Defaults to 1. */
  readonly batchSize?: number | undefined;
  /** Latents to begin with, float32 [photos · ensembleSize, C, h, w]. */
  readonly latents?: Tensor | undefined;
  /** Whether to say how far the predictions of an ensemble are from each other. Defaults to false. */
  readonly outputUncertainty?: boolean | undefined;
  /** Whether to give the latents of the predictions, too. Defaults to false. */
  readonly outputLatent?: boolean | undefined;
}

/** The declarations of {@linkcode MarigoldOptions}. */
export const marigoldOptions: CallOptions<MarigoldOptions> = {
  ...runOptions,
  outputType: { type: "string", choices: ["image", "tensor"] },
  image: imageStartOptions.image,
  numInferenceSteps: timestepOptions.numInferenceSteps,
  ensembleSize: { type: "integer", minimum: 1, cost: "images" },
  processingResolution: { type: "integer", minimum: 0 },
  matchInputResolution: { type: "boolean" },
  resampleMethodInput: { type: "string", choices: resampleMethods },
  resampleMethodOutput: { type: "string", choices: resampleMethods },
  batchSize: { type: "integer", minimum: 1 },
  latents: { type: "tensor" },
  outputUncertainty: { type: "boolean" },
  outputLatent: { type: "boolean" },
};

/** The defaults of {@linkcode MarigoldOptions}. */
export const marigoldDefaults = {
  ensembleSize: 1,
  matchInputResolution: true,
  resampleMethodInput: "bilinear",
  resampleMethodOutput: "bilinear",
  batchSize: 1,
} as const satisfies Partial<MarigoldOptions>;
