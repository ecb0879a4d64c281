import type { Model, Tensor } from "@denoise/core";

/** Options of {@linkcode LanguageModel.hiddenStates}. */
export interface HiddenStatesOptions {
  /** int64 [N, tokens], 1 where a token may be attended to. Defaults to all of them. */
  readonly attentionMask?: Tensor | undefined;
  /** int64 [tokens], where the tokens of all rows are; some take [N, tokens], too. Defaults to 0, 1, 2 and so on. */
  readonly positionIds?: Tensor | undefined;
  /** Whether the last state is after the final norm. Defaults to true. */
  readonly finalNorm?: boolean | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** The role of a decoder language model that reads prompts, as Qwen3Model plays it. */
export interface LanguageModel<C extends object = object> extends Model<C> {
  /**
   * Some of the hidden states, float32 [N, tokens, width] each: 0 are the embeddings, -1 the states after
   * the final norm.
   *
   * @param inputIds int64 [N, tokens].
   * @throws {RangeError} for a state that there is not.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: HiddenStatesOptions,
  ): Promise<Tensor[]>;
}
