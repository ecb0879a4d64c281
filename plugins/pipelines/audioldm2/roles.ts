import type { Model, Tensor } from "@denoise/core";

/** The role of the projection, as AudioLDM2ProjectionModel plays it. */
export interface AudioLDM2Projection extends Model {
  /** States of both text encoders side by side, each between a token for its start and one for its end. */
  forward(hiddenStates: Tensor, hiddenStates1: Tensor): Promise<Tensor>;
}

/** The role of the language model, as GPT2Model plays it. */
export interface AudioLDM2LanguageModel extends Model<{ readonly max_new_tokens: number | null }> {
  /** States of embeddings, float32 [N, tokens, width]; 0 in the mask for those that do not count. */
  forward(
    inputsEmbeds: Tensor,
    options?: { readonly attentionMask?: Tensor | undefined },
  ): Promise<Tensor>;
}

/** What the denoiser is given of the text. */
export interface AudioLDM2States {
  /** What the language model has written, float32 [N, tokens', width']. */
  readonly encoderHiddenStates: Tensor;
  /** States of T5, float32 [N, tokens, width]. */
  readonly encoderHiddenStates1: Tensor;
  /** 1 for those that count, int64 [N, tokens]. */
  readonly encoderAttentionMask1: Tensor;
}

/** The role of the denoiser, as AudioLDM2UNet2DConditionModel plays it. */
export interface AudioLDM2Denoiser
  extends Model<{ readonly in_channels: number; readonly sample_size: number }> {
  /** One call of the network. */
  forward(
    sample: Tensor,
    timestep: number | readonly number[],
    options: AudioLDM2States & { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly sample: Tensor }>;
}
