import type { Model, Tensor } from "@denoise/core";

/** What pipelines read of the config of a T2I-Adapter. */
export interface T2IAdapterNetConfig {
  /** Channels of the image: 1 for grey ones. */
  readonly in_channels: number;
  /** Channels of each level's features. */
  readonly channels: readonly number[];
  /** How many pixels of a row become one before the first level. */
  readonly downscale_factor: number;
}

/**
 * The role of a network that makes of an image what is added to a UNet's down blocks, once for all steps:
 * Mou et al. (arXiv:2302.08453).
 */
export interface T2IAdapterNet<C extends object = T2IAdapterNetConfig> extends Model<C> {
  /**
   * The features of each level.
   *
   * @param image float32 [N, channels, H, W] in 0..1; its sides are multiples of `downscale_factor`.
   * @returns For each level float32 [N, C, h, w].
   */
  forward(
    image: Tensor,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly Tensor[]>;
}
