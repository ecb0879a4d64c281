import { type PipelineRun, type PipelineStep, type RunOptions, Tensor } from "@denoise/core";
import type { Scheduler, StepOptions } from "@denoise/core";
import type { Prior, TextEncoder, Tokenizer } from "@denoise/roles";
import { noPreview } from "./audio.ts";
import { denoise } from "./denoise.ts";
import { warnOfCut } from "./prompt.ts";

/** What reads texts for a prior. */
export interface PriorTextEncoder {
  /** CLIPTextModelWithProjection. */
  readonly textEncoder: TextEncoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
}

/** Texts as a prior takes them, one row for each vector. */
export interface PriorText {
  /** What is followed, float32 [N, width]. */
  readonly pooled: Tensor;
  /** float32 [N, tokens, width]. */
  readonly states: Tensor;
  /** int64 [N, tokens], 1 where a token counts. */
  readonly mask: Tensor;
}

/**
 * Texts to what a prior is given.
 *
 * @param each Rows made of each text.
 * @param warn Receives the warning of a text that was cut. None by default.
 * @throws {TypeError} for a text encoder that gives no pooled text.
 */
export async function encodePriorText(
  { tokenizer, textEncoder }: PriorTextEncoder,
  texts: readonly string[],
  each: number,
  warn?: PipelineRun<object>["warn"],
): Promise<PriorText> {
  const tokens = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: tokenizer.modelMaxLength,
    truncation: true,
  });
  if (warn !== undefined) warnOfCut({ tokenizer, warn }, tokens);
  const { textEmbeds, lastHiddenState } = await textEncoder.forward(tokens.inputIds);
  if (textEmbeds === undefined) {
    throw new TypeError(
      `Cannot encode the prompt by a ${textEncoder.className}: it gives no textEmbeds; use a ` +
        "CLIPTextModelWithProjection",
    );
  }
  return repeatPriorText(
    { pooled: textEmbeds, states: lastHiddenState, mask: tokens.attentionMask },
    each,
  );
}

/** Each row of a text that many times. */
export function repeatPriorText({ pooled, states, mask }: PriorText, times: number): PriorText {
  const spread = (x: Tensor) => x.repeatInterleave(times, 0);
  return { pooled: spread(pooled), states: spread(states), mask: spread(mask) };
}

/** The rows of what is not wanted before those of what is. */
export function joinPriorTexts(unwanted: PriorText, wanted: PriorText): PriorText {
  const both = (part: keyof PriorText) => Tensor.cat([unwanted[part], wanted[part]]);
  return { pooled: both("pooled"), states: both("states"), mask: both("mask") };
}

/** What a prior's run ends with: its steps show nothing. */
export async function runThrough<T>(steps: AsyncGenerator<PipelineStep, T>): Promise<T> {
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return step.value;
}

/** A run of a prior. */
export interface PriorLoop {
  /** PriorTransformer. */
  readonly prior: Prior;
  /** The scheduler, its timesteps set. */
  readonly scheduler: Scheduler;
  /** The timesteps to go through. */
  readonly timesteps: readonly number[];
  /** Options of the scheduler's `step`. */
  readonly settings: StepOptions;
  /** Whom to call back after each step, and when to stop. */
  readonly options: Pick<RunOptions, "callbackOnStepEnd" | "signal">;
  /** What is followed; with guidance twice as many rows as vectors. */
  readonly text: PriorText;
  /** How closely it is followed; without guidance undefined. */
  readonly guidanceScale: number | undefined;
  /** Whether the scheduler scales vectors on their way in, as Stable unCLIP has it. Defaults to false. */
  readonly scalesInput?: boolean | undefined;
}

/**
 * Vectors of images of noise, float32 [N, width], as CLIP has them (section 2.2 of Ramesh et al., arXiv:2204.06125).
 *
 * @param latents Noisy vectors, float32 [N, width].
 */
export async function* denoiseVectors(
  latents: Tensor,
  { prior, text, guidanceScale, scalesInput = false, ...loop }: PriorLoop,
): AsyncGenerator<PipelineStep, Tensor> {
  const { scheduler } = loop;
  const conditioning = {
    projEmbedding: text.pooled,
    encoderHiddenStates: text.states,
    attentionMask: text.mask,
    signal: loop.options.signal,
  };
  const { latents: vectors } = yield* denoise(latents, {
    ...loop,
    async predict(vectors, timestep) {
      const rows = guidanceScale === undefined ? vectors : Tensor.cat([vectors, vectors]);
      const input = scalesInput ? scheduler.scaleModelInput(rows, timestep) : rows;
      const { predictedImageEmbedding } = await prior.forward(input, timestep, conditioning);
      if (guidanceScale === undefined) return predictedImageEmbedding;
      const [uncond, wanted] = predictedImageEmbedding.chunk(2) as [Tensor, Tensor];
      return uncond.add(wanted.sub(uncond).mul(guidanceScale));
    },
    preview: noPreview,
  });
  return prior.postProcessLatents(vectors);
}
