/**
 * AudioLDM2Pipeline: audio and music from text with AudioLDM 2 (Liu et al., 2023, arXiv:2308.05734). CLAP's vector and
 * T5's states of the text are the beginning of what a language model goes on with; the UNet attends to what that
 * has written, and to T5's states.
 *
 * Not covered: speech (`transcription`, and VITS as the second text encoder), `cross_attention_kwargs`, and the
 * ranking of several clips by CLAP's audio encoder, which diffusers does where librosa is installed: clips come in
 * the order of their seeds. A folder that is saved has no `feature_extractor`, which only that ranking needs.
 *
 * @example
 * ```ts ignore
 * import { AudioLDM2Pipeline } from "@denoise/denoise";
 *
 * const pipe = await AudioLDM2Pipeline.fromPretrained("cvssp/audioldm2");
 * const { audios } = await pipe("the sound of a hammer hitting a wooden surface", {
 *   negativePrompt: "low quality",
 *   audioLengthInS: 10,
 *   seed: 0,
 * });
 * await audios[0].save("hammer.wav"); // mono, 16000 Hz
 * ```
 *
 * @module
 */
import {
  type AudioOutput,
  definePipeline,
  type Pipeline,
  type PipelineClass,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import type { Autoencoder, TextEncoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import { audioLengths, audioOfSpectrograms, type Vocoder } from "@denoise/audioldm";
import {
  type AutoencoderConfig,
  type Prompt,
  type TextToAudioOptions,
  textToAudioOptions,
} from "@denoise/diffusion";
import { conditionAudioLDM2 } from "./conditioning.ts";
import type { AudioLDM2Denoiser, AudioLDM2LanguageModel, AudioLDM2Projection } from "./roles.ts";

export type * from "./roles.ts";

/** What an AudioLDM2Pipeline consists of. */
export interface AudioLDM2Components {
  /** AutoencoderKL of spectrograms. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** ClapModel. */
  readonly textEncoder: TextEncoder;
  /** T5EncoderModel. */
  readonly textEncoder2: TokenEncoder;
  /** AudioLDM2ProjectionModel. */
  readonly projectionModel: AudioLDM2Projection;
  /** GPT2Model or GPT2LMHeadModel. */
  readonly languageModel: AudioLDM2LanguageModel;
  /** RobertaTokenizer. */
  readonly tokenizer: Tokenizer;
  /** T5Tokenizer. */
  readonly tokenizer2: Tokenizer;
  /** AudioLDM2UNet2DConditionModel. */
  readonly unet: AudioLDM2Denoiser;
  /** DDIMScheduler, or another one for the trained noise. */
  readonly scheduler: Scheduler;
  /** SpeechT5HifiGan. */
  readonly vocoder: Vocoder;
}

/** Options of a call. */
export interface AudioLDM2Options extends TextToAudioOptions {
  /** Length in seconds. Defaults to that of the audio that the model was trained on. */
  readonly audioLengthInS?: number | undefined;
  /** Denoising steps. Defaults to 200. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. Defaults to 3.5. */
  readonly guidanceScale?: number | undefined;
  /** The first latents, float32 [N, channels, frames, bins], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
  /** How many states the language model writes. Defaults to what its config says, or 8. */
  readonly maxNewTokens?: number | undefined;
  /** States of T5 instead of a prompt, float32 [prompts, tokens, width]; with `generatedPromptEmbeds`. */
  readonly promptEmbeds?: Tensor | undefined;
  /** States of T5 instead of a negative prompt, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** States of the language model that go with `promptEmbeds`, float32 [prompts, tokens', width']. */
  readonly generatedPromptEmbeds?: Tensor | undefined;
  /** States that go with `negativePromptEmbeds`, same shape. */
  readonly negativeGeneratedPromptEmbeds?: Tensor | undefined;
  /** Which tokens of `promptEmbeds` count, int64 [prompts, tokens]. Defaults to all. */
  readonly attentionMask?: Tensor | undefined;
  /** Which tokens of `negativePromptEmbeds` count, same shape. Defaults to all. */
  readonly negativeAttentionMask?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AudioLDM2Arguments = [prompt?: Prompt, options?: AudioLDM2Options];

/** A loaded AudioLDM2Pipeline. */
export type AudioLDM2Pipeline = Pipeline<AudioLDM2Components, AudioLDM2Arguments, AudioOutput>;

/** Text to audio with AudioLDM 2; `AudioLDM2Pipeline` of diffusers. */
export const AudioLDM2Pipeline: PipelineClass<
  AudioLDM2Components,
  AudioLDM2Arguments,
  AudioOutput
> = definePipeline({
  className: "AudioLDM2Pipeline",
  task: "text-to-audio",
  family: "audioldm2",
  takesPrompt: true,
  makes: "audio",
  options: {
    ...textToAudioOptions,
    audioLengthInS: { type: "number" },
    maxNewTokens: { type: "integer", minimum: 1 },
    generatedPromptEmbeds: { type: "tensor" },
    negativeGeneratedPromptEmbeds: { type: "tensor" },
    attentionMask: { type: "tensor" },
    negativeAttentionMask: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 200, guidanceScale: 3.5, numWaveformsPerPrompt: 1 },
  defaultLength: (components) => audioLengths(components).seconds,
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model" },
    textEncoder2: { kind: "model" },
    projectionModel: { kind: "model" },
    languageModel: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    tokenizer2: { kind: "tokenizer" },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
    vocoder: { kind: "model" },
  },
  async *generate(run, prompt, options) {
    const { unet } = run.components;
    const { guidanceScale, signal } = options;
    audioLengths(run.components, options.audioLengthInS); // what cannot be made is refused first
    const { count, ...states } = await conditionAudioLDM2(run, prompt, {
      ...options,
      guidance: guidanceScale > 1,
    });
    return yield* audioOfSpectrograms(run, {
      ...{ prompt, count },
      predict: (latents, timestep) => unet.forward(latents, timestep, { ...states, signal }),
    }, options);
  },
});
