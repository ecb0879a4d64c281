import type { CallOptions, Tensor } from "@denoise/core";
import type { PromptOptions } from "./prompt.ts";

/** A text as a denoiser takes it that is given a pooled one beside the states, one row for each image. */
export interface PooledText {
  /** float32 [N, tokens, width]. */
  readonly embeds: Tensor;
  /** float32 [N, width]. */
  readonly pooled: Tensor;
}

/** Pooled texts of one's own. */
export interface PooledPromptOptions {
  /** Pooled text, float32 [prompts, width]; with `promptEmbeds`. */
  readonly pooledPromptEmbeds?: Tensor | undefined;
  /** Pooled negative text, same shape; with `negativePromptEmbeds`. */
  readonly negativePooledPromptEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode PooledPromptOptions}. */
export const pooledPromptOptions: CallOptions<PooledPromptOptions> = {
  pooledPromptEmbeds: { type: "tensor" },
  negativePooledPromptEmbeds: { type: "tensor" },
};

const PAIRS = [
  ["promptEmbeds", "pooledPromptEmbeds"],
  ["negativePromptEmbeds", "negativePooledPromptEmbeds"],
] as const;

/**
 * Checks that states and pooled text of one's own come together.
 *
 * @throws {TypeError} for one without the other.
 */
export function checkPooledPrompts(options: PromptOptions & PooledPromptOptions): void {
  for (const pair of PAIRS) {
    const [missing, given] = options[pair[0]] === undefined ? pair : pair.toReversed();
    if (options[given!] === undefined || options[missing!] !== undefined) continue;
    throw new TypeError(`Cannot use ${given} alone: give ${missing} of the same text with it`);
  }
}

/** Each row of a text that many times. */
export function repeatText({ embeds, pooled }: PooledText, times: number): PooledText {
  return {
    embeds: embeds.repeatInterleave(times, 0),
    pooled: pooled.repeatInterleave(times, 0),
  };
}
