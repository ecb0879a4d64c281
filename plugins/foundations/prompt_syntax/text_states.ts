import type { Tensor } from "@denoise/core";
import type { Tokenizer } from "@denoise/roles";

/** What a text encoder gives for rows of ids. */
export interface TextStates {
  /** float32 [rows, tokens, width]. */
  readonly embeds: Tensor;
  /** float32 [rows, width], of encoders that give one. */
  readonly pooled?: Tensor | undefined;
}

/** A text encoder as a prompt with weights needs it. */
export interface SyntaxEncoder {
  /** Cuts text into ids. */
  readonly tokenizer: Tokenizer;
  /**
   * Ids to states.
   *
   * @param ids int64 [rows, tokens].
   * @param mask int64 [rows, tokens], 0 where a token is not looked at. Defaults to all being looked at.
   */
  states(ids: Tensor, mask?: Tensor): Promise<TextStates>;
}
