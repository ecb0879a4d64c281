import type { Model, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface QwenImage21DenoiserOptions {
  /** States of the text of each row, behind reference images, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
  /** Reference images and the text before them, as they were read; none by default. */
  readonly references?: QwenImage21ReadImages | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** A reference image among a text. */
export interface QwenImage21GivenImage {
  /** States of the text between the image before it and itself, float32 [text tokens, width]. */
  readonly text: Tensor;
  /** Its latents as tokens, float32 [1, tokens, C]. */
  readonly tokens: Tensor;
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
}

/** What a transformer makes of reference images and the text before and between them. */
export interface QwenImage21ReadImages {
  /** Keys and values of their tokens in all layers, float32 [2·layers, 1, tokens, C]. */
  readonly cache: Tensor;
  /** Where the token behind them is. */
  readonly place: number;
}

/** What pipelines read of its config. */
export interface QwenImage21DenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Whether text and reference images are the same at all times. */
  readonly causal_condition: boolean;
}

/** The role of a transformer on latents as tokens, as QwenImage21Transformer2DModel plays it. */
export interface QwenImage21Denoiser
  extends
    Denoiser<QwenImage21DenoiserConfig, QwenImage21DenoiserOptions>,
    Model<QwenImage21DenoiserConfig> {
  /** Reads reference images among a text, at a share of noise of 0..1. */
  references(
    images: readonly QwenImage21GivenImage[],
    timestep?: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<QwenImage21ReadImages>;
}
