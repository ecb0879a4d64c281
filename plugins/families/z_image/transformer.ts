import type { Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";

/** What a transformer of the family is called with beside latents and timestep. */
export interface ZImageDenoiserOptions {
  /** States of the text of each row, float32 [text tokens, width]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** What a ControlNet adds after some layers, by their number; for texts that are equally long. */
  readonly controlnetBlockSamples?: Readonly<Record<number, Tensor>> | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What pipelines read of its config. */
export interface ZImageDenoiserConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of a token inside. */
  readonly dim: number;
}

/** What a transformer shares with a ControlNet: its inputs as tokens, float32. */
export interface ZImageTokens {
  /** The image's tokens, [N, tokens, dim]. */
  readonly tokens: Tensor;
  /** The text's, [N, text tokens, dim]. */
  readonly text: Tensor;
  /** The timestep, [N, width]. */
  readonly temb: Tensor;
  /** Positions of both, image first. */
  readonly cos: Tensor;
  /** Positions of both, image first. */
  readonly sin: Tensor;
}

/** The role of a transformer with a text of any length for each row, as ZImageTransformer2DModel plays it. */
export interface ZImageDenoiser extends Denoiser<ZImageDenoiserConfig, ZImageDenoiserOptions> {
  /** What a ControlNet is given in place of latents and texts, which are equally long. */
  embed(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ZImageDenoiserOptions,
  ): Promise<ZImageTokens>;
  /** The image's tokens after the layers that see it alone, and what a ControlNet adds after some of them. */
  refine(
    embedding: ZImageTokens,
    hints: Readonly<Record<number, Tensor>>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Tensor>;
}
