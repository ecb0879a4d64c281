import type { ComponentSpec, ImageOutput, PipelineFacts, Scheduler, Tensor } from "@denoise/core";
import type { AutoencoderConfig } from "@denoise/diffusion";
import type { Autoencoder, Denoiser, TextEncoder, Tokenizer } from "@denoise/roles";

/** What Marigold's pipelines consist of. */
export interface MarigoldComponents {
  /** UNet2DConditionModel, given the latents of the photo and those of the prediction. */
  readonly unet: Denoiser<{ readonly in_channels: number; readonly out_channels: number }>;
  /** AutoencoderKL. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** DDIMScheduler or LCMScheduler. */
  readonly scheduler: Scheduler;
  /** CLIPTextModel: its states of an empty text are what the UNet is conditioned on. */
  readonly textEncoder: TextEncoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
}

/** The components that the definitions of these pipelines share. */
export const marigoldComponents: {
  readonly [K in keyof MarigoldComponents]: ComponentSpec;
} = {
  unet: { kind: "model" },
  vae: { kind: "model" },
  scheduler: { kind: "scheduler" },
  textEncoder: { kind: "model" },
  tokenizer: { kind: "tokenizer" },
};

/** What Marigold's pipelines give. */
export interface MarigoldOutput extends ImageOutput {
  /** The prediction of each photo. */
  readonly prediction: Tensor;
  /** How far the predictions of an ensemble are from each other; with `outputUncertainty` alone. */
  readonly uncertainty?: Tensor | undefined;
  /**
   * The latents of all predictions, float32 [photos · ensembleSize, C, h, w], with `outputLatent` alone: as
   * `latents` of another call they are what it begins with.
   */
  readonly latent?: Tensor | undefined;
}

/** Warns of a repo that says it predicts something else. */
export function checkPredictionType(
  { className, settings }: PipelineFacts,
  known: readonly string[],
  warn: (message: string) => void,
): void {
  const { prediction_type: given } = settings;
  if (typeof given === "string" && known.includes(given)) return;
  warn(
    `The repo says that it predicts ${JSON.stringify(given)}: a ${className} predicts ` +
      known.join(" or "),
  );
}
