import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface Krea2DenoiserOptions {
  /** States of the text of each row, float32 [text tokens, layers, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Coordinates of the tokens of the image, float32 [tokens, 3]: zero, row, column. */
  readonly imgIds: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface Krea2DenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
  /** How many states of the language model there are for each token of the text. */
  readonly num_text_layers: number;
}

/** The role of a transformer on packed latents and several states of each token of a text. */
export type Krea2Denoiser = Denoiser<Krea2DenoiserConfig, Krea2DenoiserOptions>;
