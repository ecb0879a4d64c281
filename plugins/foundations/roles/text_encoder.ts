import type { Model, Tensor } from "@denoise/core";

/** The role of a text encoder. */
export interface TextEncoder<C extends object = object> extends Model<C> {
  /**
   * States of each token.
   *
   * @param inputIds int64 [N, tokens].
   */
  forward(inputIds: Tensor, options?: TextEncoderOptions): Promise<TextEncoderOutput>;
}

/** The role of a text encoder that gives states of tokens and nothing pooled, as T5 does. */
export interface TokenEncoder<C extends object = object> extends Model<C> {
  /**
   * States of each token.
   *
   * @param inputIds int64 [N, tokens].
   */
  forward(
    inputIds: Tensor,
    options?: Pick<TextEncoderOptions, "attentionMask" | "outputHiddenStates">,
  ): Promise<Pick<TextEncoderOutput, "lastHiddenState" | "hiddenStates">>;
}

/** What a text encoder is asked for. */
export interface TextEncoderOptions {
  /** int64 [N, tokens], 1 where a token counts. */
  readonly attentionMask?: Tensor | undefined;
  /** Give the states before each layer and after the last one too. */
  readonly outputHiddenStates?: boolean | undefined;
  /** Leave out that many of the last layers before the final layer norm. */
  readonly clipSkip?: number | undefined;
}

/** What a text encoder gives. */
export interface TextEncoderOutput {
  /** float32 [N, tokens, width], after the final layer norm. */
  readonly lastHiddenState: Tensor;
  /** The state of the end-of-text token, float32 [N, width]. */
  readonly poolerOutput: Tensor;
  /** That state through the projection, for models that have one. */
  readonly textEmbeds?: Tensor | undefined;
  /** layers + 1 times float32 [N, tokens, width], without the final layer norm, if asked for. */
  readonly hiddenStates?: readonly Tensor[] | undefined;
}
