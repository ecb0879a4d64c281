import { type CallOptions, type RunOptions, runOptions, type Tensor } from "@denoise/core";
import { timestepOptions } from "@denoise/diffusion";

/** Options that the calls of all its pipelines take. */
export interface AmusedOptions extends RunOptions {
  /** What the image should not show: one text, or one for each prompt. Defaults to an empty text. */
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** Images made of each prompt: first one of each prompt, then another of each. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** Number of steps. Defaults to 12. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the image follows the prompt. Defaults to 10; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Pooled text instead of a prompt, float32 [prompts, width]; with `encoderHiddenStates`. */
  readonly promptEmbeds?: Tensor | undefined;
  /** States of that text, float32 [prompts, tokens, width]. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** Pooled negative text, as `promptEmbeds`; with `negativeEncoderHiddenStates`. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** States of the negative text, as `encoderHiddenStates`. */
  readonly negativeEncoderHiddenStates?: Tensor | undefined;
  /** How beautiful the image is to be, 1..10, as LAION's aesthetic classifier counts. Defaults to 6. */
  readonly microConditioningAestheticScore?: number | undefined;
  /** Where a crop of a larger image would begin, two numbers of pixels. Defaults to [0, 0]. */
  readonly microConditioningCropCoord?: readonly number[] | undefined;
  /**
   * How much chance is in which tokens stay: where it begins and ends over the run, or where it begins, to end
   * at 0.01. Defaults to [2, 0].
   */
  readonly temperature?: number | readonly number[] | undefined;
}

/** The declarations of {@linkcode AmusedOptions}. */
export const amusedOptions: CallOptions<AmusedOptions> = {
  ...runOptions,
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  promptEmbeds: { type: "tensor" },
  encoderHiddenStates: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  negativeEncoderHiddenStates: { type: "tensor" },
  microConditioningAestheticScore: { type: "number" },
  microConditioningCropCoord: { type: "number", list: "required" },
  temperature: { type: "number", list: "allowed" },
};

/** The defaults of {@linkcode AmusedOptions}. */
export const amusedDefaults = {
  numInferenceSteps: 12,
  guidanceScale: 10,
} as const satisfies AmusedOptions;
