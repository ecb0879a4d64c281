import type { Model, Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder, Denoiser, TextEncoder, Tokenizer } from "@denoise/roles";
import type { AutoencoderConfig, Prompt, TextToAudioOptions } from "@denoise/diffusion";

/** What pipelines read of a vocoder's config. */
export interface VocoderConfig {
  /** Frequency bins of a spectrogram. */
  readonly model_in_dim: number;
  /** Samples of the waveforms in a second. */
  readonly sampling_rate: number;
  /** How many times longer each level makes its input. */
  readonly upsample_rates: readonly number[];
}

/** The role of a vocoder, as SpeechT5HifiGan plays it. */
export interface Vocoder extends Model<VocoderConfig> {
  /** Spectrograms, float32 [N, frames, bins], to waveforms [N, samples] in -1..1. */
  forward(spectrogram: Tensor): Promise<Tensor>;
}

/** What AudioLDMPipeline and MusicLDMPipeline consist of. */
export interface AudioLDMComponents {
  /** AutoencoderKL of spectrograms. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** ClapTextModelWithProjection or ClapModel. */
  readonly textEncoder: TextEncoder;
  /** RobertaTokenizer. */
  readonly tokenizer: Tokenizer;
  /** UNet2DConditionModel that takes the text's vector as class label. */
  readonly unet: Denoiser<{ readonly in_channels: number; readonly sample_size: number }>;
  /** DDIMScheduler, or another one for the trained noise. */
  readonly scheduler: Scheduler;
  /** SpeechT5HifiGan. */
  readonly vocoder: Vocoder;
}

/** Options of a call. */
export interface AudioLDMOptions extends TextToAudioOptions {
  /** Length in seconds. Defaults to that of the audio that the model was trained on. */
  readonly audioLengthInS?: number | undefined;
  /** Denoising steps. Defaults to 10, of MusicLDM to 200. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. Defaults to 2.5, of MusicLDM to 2. */
  readonly guidanceScale?: number | undefined;
  /** The first latents, float32 [N, channels, frames, bins], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
  /** Vectors of CLAP instead of a prompt, float32 [prompts, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Vectors instead of a negative prompt, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AudioLDMArguments = [prompt?: Prompt, options?: AudioLDMOptions];
