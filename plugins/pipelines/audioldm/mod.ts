/**
 * AudioLDMPipeline: audio from text with AudioLDM (Liu et al., 2023, arXiv:2301.12503): a UNet on latents of
 * mel spectrograms, conditioned on CLAP's vector of the text, and a vocoder that makes a waveform of them.
 *
 * Not covered: `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AudioLDMPipeline } from "@denoise/denoise";
 *
 * const pipe = await AudioLDMPipeline.fromPretrained("cvssp/audioldm-s-full-v2");
 * const { audios } = await pipe("techno music with a strong, upbeat tempo", {
 *   audioLengthInS: 5,
 *   seed: 0,
 * });
 * await audios[0].save("techno.wav"); // mono, 16000 Hz
 * ```
 *
 * @module
 */
import {
  type AudioOutput,
  definePipeline,
  type Model,
  type Pipeline,
  type PipelineClass,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import type { Autoencoder, Denoiser, TextEncoder, Tokenizer } from "@denoise/roles";
import {
  audioOutput,
  type AudioRunOptions,
  audioRunOptions,
  type AutoencoderConfig,
  batchNoise,
  denoise,
  describeRun,
  initialLatents,
  latentSpace,
  noPreview,
  predictGuided,
  type Prompt,
  stepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import { textVectors } from "./prompts.ts";

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

/** What an AudioLDMPipeline consists of. */
export interface AudioLDMComponents {
  /** AutoencoderKL of spectrograms. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** ClapTextModelWithProjection. */
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
export interface AudioLDMOptions extends AudioRunOptions {
  /** Length in seconds. Defaults to that of the audio that the model was trained on. */
  readonly audioLengthInS?: number | undefined;
  /** Denoising steps. Defaults to 10. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. Defaults to 2.5. */
  readonly guidanceScale?: number | undefined;
  /** What the audio should not be: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** Audio clips made of each prompt. Defaults to 1. */
  readonly numWaveformsPerPrompt?: number | undefined;
  /** Amount of noise of DDIM, 0..1; ignored by schedulers that do not know it. Defaults to 0. */
  readonly eta?: number | undefined;
  /** The first latents, float32 [N, channels, frames, bins], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
  /** Vectors of CLAP instead of a prompt, float32 [prompts, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Vectors instead of a negative prompt, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AudioLDMArguments = [prompt?: Prompt, options?: AudioLDMOptions];

/** A loaded AudioLDMPipeline. */
export type AudioLDMPipeline = Pipeline<AudioLDMComponents, AudioLDMArguments, AudioOutput>;

/** Text to audio with AudioLDM; `AudioLDMPipeline` of diffusers. */
export const AudioLDMPipeline: PipelineClass<
  AudioLDMComponents,
  AudioLDMArguments,
  AudioOutput
> = definePipeline({
  className: "AudioLDMPipeline",
  task: "text-to-audio",
  family: "audioldm",
  takesPrompt: true,
  makes: "audio",
  options: {
    ...audioRunOptions,
    audioLengthInS: { type: "number" },
    numInferenceSteps: { type: "integer", minimum: 1 },
    guidanceScale: { type: "number" },
    negativePrompt: { type: "string", list: "allowed" },
    numWaveformsPerPrompt: { type: "integer", minimum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
    promptEmbeds: { type: "tensor" },
    negativePromptEmbeds: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 10, guidanceScale: 2.5, numWaveformsPerPrompt: 1 },
  defaultLength: (components) => lengths(components).seconds,
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
    vocoder: { kind: "model" },
  },
  async *generate(run, prompt, options) {
    const { vae, unet, scheduler, vocoder } = run.components;
    const { numInferenceSteps, guidanceScale, numWaveformsPerPrompt, eta = 0, signal } = options;
    const { seconds, frames, samples } = lengths(run.components, options.audioLengthInS);
    const guidance = guidanceScale > 1;
    const classLabels = await textVectors(run, prompt, { ...options, guidance });
    const count = classLabels.dims[0]! / (guidance ? 2 : 1);

    const noise = batchNoise(count, options);
    scheduler.setTimesteps(numInferenceSteps);
    const factor = vaeScaleFactor(vae);
    const dims = [
      ...[count, unet.config.in_channels],
      ...[frames / factor, Math.floor(vocoder.config.model_in_dim / factor)],
    ];
    const { latents } = yield* denoise(initialLatents(dims, noise, scheduler, options.latents), {
      ...{ scheduler, timesteps: scheduler.timesteps, options, preview: noPreview },
      settings: stepOptions(scheduler, noise, { eta }),
      predict: (latents, timestep) =>
        predictGuided(
          { guidance, guidanceScale },
          scheduler.scaleModelInput(latents, timestep),
          (input) => unet.forward(input, timestep, { classLabels, signal }),
        ),
    });

    if (options.outputType === "latent") return { images: [], audios: [], tensor: latents };
    const { sample } = await vae.decode(latentSpace(vae).denormalize(latents)); // [N, 1, frames, bins]
    const spectrogram = sample.reshape([count, ...sample.dims.slice(2)]);
    const waveform = (await vocoder.forward(spectrogram)).slice(1, 0, samples);
    const audio = waveform.reshape([count, 1, waveform.dims[1]!]);
    const facts = {
      steps: numInferenceSteps,
      guidanceScale,
      eta: options.eta,
      audioLengthInS: seconds,
    };
    const described = { ...options, numImagesPerPrompt: numWaveformsPerPrompt };
    const recipe = describeRun(prompt, described, facts, noise);
    const { sampling_rate: rate } = vocoder.config;
    return await audioOutput(run, audio, rate, options.outputType, recipe);
  },
});

/** How much a call makes. */
interface Lengths {
  readonly seconds: number;
  /** Of the spectrograms: as many as the autoencoder can halve. */
  readonly frames: number;
  /** Of the waveforms. */
  readonly samples: number;
}

/**
 * The length of a call's audio.
 *
 * @throws {RangeError} for less than a latent, and for models that do not fit each other.
 */
function lengths({ vae, unet, vocoder }: AudioLDMComponents, given?: number): Lengths {
  const { upsample_rates, sampling_rate: rate, model_in_dim: bins } = vocoder.config;
  const frame = upsample_rates.reduce((product, times) => product * times, 1) / rate; // seconds
  const factor = vaeScaleFactor(vae);
  if (bins % factor !== 0) {
    throw new RangeError(
      `Cannot make audio: the vocoder's spectrograms have ${bins} frequency bins, but the vae needs a ` +
        `multiple of ${factor}`,
    );
  }
  const seconds = given ?? unet.config.sample_size * factor * frame;
  if (!(seconds >= frame * factor)) {
    throw new RangeError(
      `Cannot make ${seconds} seconds of audio: audioLengthInS must be ${frame * factor} at least`,
    );
  }
  return {
    seconds,
    frames: Math.ceil(Math.trunc(seconds / frame) / factor) * factor,
    samples: Math.trunc(seconds * rate),
  };
}
