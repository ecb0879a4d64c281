import type { Model, Tensor } from "@denoise/core";
import type { Denoiser, DenoiserOptions } from "./denoiser.ts";

/** What a denoiser that is controlled itself is given by an image. */
export interface DenoiserControl {
  /** The image that controls, float32 [N, 3, H, W] in 0..1; without it the model is not controlled. */
  readonly controlnetCond?: Tensor | undefined;
  /** What the image adds is multiplied with it. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
}

/** The role of a denoiser that is controlled itself, not by residuals of a network beside it. */
export interface ControlledDenoiser<C extends object = object>
  extends Denoiser<C, DenoiserOptions & DenoiserControl> {}

/** What pipelines read of such a denoiser's config. */
export interface ControlledDenoiserConfig {
  /** Size of the latents that it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Width of the guidance scale's embedding in latent consistency models. */
  readonly time_cond_proj_dim: number | null;
  /** Width of the embedding of each size and crop (SDXL). */
  readonly addition_time_embed_dim: number | null;
  /** Width of all of these and the pooled text together (SDXL). */
  readonly projection_class_embeddings_input_dim: number | null;
}

/** The role of a network that is joined with a denoiser, so that this is controlled itself. */
export interface UNetAdapter<C extends object = object> extends Model<C> {
  /**
   * The denoiser with this network. It holds no weights of its own: it is there as long as both files are.
   *
   * @throws {RangeError} for a denoiser of another model.
   * @throws {DenoiseError} `unsupported_option` for one that is quantized or changed by adapters.
   */
  controlled(unet: Model): ControlledDenoiser<ControlledDenoiserConfig>;
}
