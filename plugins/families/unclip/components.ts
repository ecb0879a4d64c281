import type { ComponentSpec, ImageSize, Model, Scheduler, Tensor } from "@denoise/core";
import { type PriorTextEncoder, sampleSize } from "@denoise/diffusion";
import type { Denoiser } from "@denoise/roles";

/** The role of what makes the decoder's conditioning, as UnCLIPTextProjModel plays it. */
export interface ConditioningProjection
  extends Model<{ readonly clip_extra_context_tokens: number }> {
  /** Tokens and what is added to the time embedding, of vectors of images and of texts. */
  forward(inputs: {
    /** float32 [N, width]. */
    readonly imageEmbeddings: Tensor;
    /** float32 [N or 2N, width]. */
    readonly promptEmbeds: Tensor;
    /** float32 [N or 2N, tokens, width]. */
    readonly textEncoderHiddenStates: Tensor;
    /** Whether rows of no image come before. */
    readonly doClassifierFreeGuidance: boolean;
    /** Cancels the call. */
    readonly signal?: AbortSignal | undefined;
  }): Promise<{
    readonly textEncoderHiddenStates: Tensor;
    readonly additiveClipTimeEmbeddings: Tensor;
  }>;
}

/** What pipelines read of the configs of UNets that denoise pixels. */
export interface PixelDenoiserConfig {
  /** Channels of what is denoised, and of what is given beside it. */
  readonly in_channels: number;
  /** Sides of the images. */
  readonly sample_size: number | readonly number[] | null;
}

/** What makes images of vectors. */
export interface UnCLIPDecoderComponents extends PriorTextEncoder {
  /** UnCLIPTextProjModel. */
  readonly textProj: ConditioningProjection;
  /** UNet2DConditionModel: small images. */
  readonly decoder: Denoiser<PixelDenoiserConfig>;
  /** UNet2DModel: large images of small ones, in all steps but the last. */
  readonly superResFirst: Denoiser<PixelDenoiserConfig>;
  /** UNet2DModel: the last step. */
  readonly superResLast: Denoiser<PixelDenoiserConfig>;
  /** UnCLIPScheduler. */
  readonly decoderScheduler: Scheduler;
  /** UnCLIPScheduler. */
  readonly superResScheduler: Scheduler;
}

/** The components that the definitions of its pipelines share. */
export const unclipDecoder: { readonly [K in keyof UnCLIPDecoderComponents]: ComponentSpec } = {
  decoder: { kind: "model" },
  textEncoder: { kind: "model" },
  tokenizer: { kind: "tokenizer" },
  textProj: { kind: "model" },
  superResFirst: { kind: "model" },
  superResLast: { kind: "model" },
  decoderScheduler: { kind: "scheduler" },
  superResScheduler: { kind: "scheduler" },
};

/** The size of what is made, which is the only one. */
export function unclipSize(
  { superResFirst }: Pick<UnCLIPDecoderComponents, "superResFirst">,
): ImageSize {
  const [height, width] = sampleSize(superResFirst.config.sample_size);
  return { height, width };
}
