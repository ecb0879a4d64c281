import type { Model, Tensor } from "@denoise/core";

/** What a prior is called with beside vectors and timestep. */
export interface PriorOptions {
  /** The vector that is followed, that of a text as a rule, float32 [N, width]. */
  readonly projEmbedding: Tensor;
  /** Text states, float32 [N, tokens, width]. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** 1 where a token of the text counts, 0 where not: [N, tokens]. */
  readonly attentionMask?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The role of what makes vectors of images of those of texts, as unCLIP's prior does. */
export interface Prior<C extends object = object> extends Model<C> {
  /**
   * The clean vectors that noisy ones come from.
   *
   * @param hiddenStates float32 [N, width].
   * @param timestep One for all samples, or one for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: PriorOptions,
  ): Promise<{ readonly predictedImageEmbedding: Tensor }>;
  /** Vectors as CLIP has them, of those that were denoised. */
  postProcessLatents(latents: Tensor): Tensor;
}
