import type { Model, Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder, LanguageModel, Tokenizer } from "@denoise/roles";

/** The role of the denoiser, as AceStepTransformer1DModel plays it. */
export interface AceStepDenoiser extends
  Model<{
    /** Channels of the latents. */
    readonly audio_acoustic_hidden_dim: number;
    /** Whether guidance is distilled into the weights. */
    readonly is_turbo: boolean;
    /** `"turbo"` says the same. */
    readonly model_version: string | null;
  }> {
  /** The velocity at each latent, float32 [N, length, channels]. */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: {
      /** Lyrics, timbre and text, float32 [N, tokens, width]. */
      readonly encoderHiddenStates: Tensor;
      /** Latents of a source beside 1 where audio is made, float32 [N, length, 2·channels]. */
      readonly contextLatents: Tensor;
      /** Cancels the call. */
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<{ sample: Tensor }>;
}

/** The role of what encodes text, lyrics and timbre, as AceStepConditionEncoder plays it. */
export interface AceStepConditioner extends Model {
  /** What stands for no condition, float32 [1, 1, width]. */
  readonly nullConditionEmb: Tensor;
  /** Latents of silence, float32 [1, length, channels]. */
  readonly silenceLatent: Tensor;
  /** Lyrics, timbre and text, what counts first, float32 [N, tokens, width]. */
  forward(conditions: {
    /** float32 [N, text tokens, width]. */
    readonly textHiddenStates: Tensor;
    /** int64 [N, text tokens]. */
    readonly textAttentionMask: Tensor;
    /** float32 [N, tokens, width]. */
    readonly lyricHiddenStates: Tensor;
    /** int64 [N, tokens]. */
    readonly lyricAttentionMask: Tensor;
    /** float32 [references, length, channels]. */
    readonly referAudioAcousticHiddenStatesPacked: Tensor;
    /** The row of each reference. */
    readonly referAudioOrderMask: readonly number[];
  }): Promise<{ readonly encoderHiddenStates: Tensor }>;
}

/** The role of what makes codes of latents, as AceStepAudioTokenizer plays it. */
export interface AceStepTokenizer extends Model<{ readonly fsq_input_num_quantizers: number }> {
  /** How many codes there are. */
  readonly codebookSize: number;
  /** What the codes of latents stand for; the last is filled up with silence. */
  tokenize(latents: Tensor, silence: Tensor): Promise<{ readonly quantized: Tensor }>;
  /** What codes stand for, of int64 [N, tokens, quantizers]. */
  outputFromIndices(indices: Tensor): Promise<Tensor>;
}

/** The role of what makes latents of codes, as AceStepAudioTokenDetokenizer plays it. */
export interface AceStepDetokenizer extends Model<{ readonly pool_window_size: number }> {
  /** float32 [N, tokens, width] to [N, length, channels]. */
  forward(quantized: Tensor): Promise<Tensor>;
}

/** What pipelines read of the config of the autoencoder. */
export interface AceStepAutoencoderConfig {
  /** How many samples of a level are one of the next. */
  readonly downsampling_ratios: readonly number[];
  /** 1 (mono) or 2 (stereo). */
  readonly audio_channels: number;
  /** Samples in a second. */
  readonly sampling_rate: number;
}

/** What an AceStepPipeline consists of. */
export interface AceStepComponents {
  /** AutoencoderOobleck. */
  readonly vae: Autoencoder<AceStepAutoencoderConfig>;
  /** Qwen3Model. */
  readonly textEncoder: LanguageModel;
  /** Qwen2Tokenizer. */
  readonly tokenizer: Tokenizer;
  /** AceStepTransformer1DModel. */
  readonly transformer: AceStepDenoiser;
  /** AceStepConditionEncoder. */
  readonly conditionEncoder: AceStepConditioner;
  /** FlowMatchEulerDiscreteScheduler, without a shift and with times of 0..1. */
  readonly scheduler: Scheduler;
  /** AceStepAudioTokenizer, which covers need. */
  readonly audioTokenizer: AceStepTokenizer | null;
  /** AceStepAudioTokenDetokenizer, which covers need. */
  readonly audioTokenDetokenizer: AceStepDetokenizer | null;
}

/** How many latents a second has. */
export function latentsPerSecond({ config }: AceStepComponents["vae"]): number {
  return config.sampling_rate /
    config.downsampling_ratios.reduce((product, ratio) => product * ratio, 1);
}
