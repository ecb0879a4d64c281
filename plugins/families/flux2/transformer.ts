import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface Flux2DenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the images' tokens, float32 [tokens, 4]: image, row, column, place in a text. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 4]. */
  readonly txtIds: Tensor;
  /** The guidance scale, where the model was distilled with it. */
  readonly guidance?: number | readonly number[] | undefined;
  /** What its `references` gives of images that are attended to. */
  readonly referenceCache?: Tensor | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface Flux2DenoiserConfig {
  /** Channels of a token. */
  readonly in_channels: number;
  /** Whether the guidance scale is an input. */
  readonly guidance_embeds: boolean;
}

/** The role of a transformer on latents as tokens, as Flux2Transformer2DModel plays it. */
export interface Flux2Denoiser extends Denoiser<Flux2DenoiserConfig, Flux2DenoiserOptions> {
  /** What other tokens see of reference images that attend to themselves alone. */
  references(
    hiddenStates: Tensor,
    imgIds: Tensor,
    options?: Pick<Flux2DenoiserOptions, "signal">,
  ): Promise<Tensor>;
}
