/**
 * StableAudioPipeline: audio from text with Stable Audio Open (Evans et al., 2024, arXiv:2407.14358), stereo of
 * up to 47 seconds. The transformer always makes audio of the one length that it was trained for, and is told
 * between which seconds the sound lies; what is outside of them is cut off.
 *
 * With `initialAudioWaveforms` a run begins with the latents of a clip, to which noise is added. As in
 * diffusers, several clips of each prompt take the given ones in turn: with two prompts and two waveforms each, the
 * clips begin with the first, second, first and second one.
 *
 * @example
 * ```ts ignore
 * import { StableAudioPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableAudioPipeline.fromPretrained("stabilityai/stable-audio-open-1.0");
 * const { audios } = await pipe("the sound of a hammer hitting a wooden surface", {
 *   negativePrompt: "low quality",
 *   audioEndInS: 10,
 *   seed: 0,
 * });
 * await audios[0].save("hammer.wav"); // stereo, 44100 Hz
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
} from "@denoise/core";
import type { Autoencoder, TokenEncoder, Tokenizer } from "@denoise/roles";
import {
  audioOutput,
  batchNoise,
  denoise,
  describeRun,
  initialLatents,
  noPreview,
  predictGuided,
  type Prompt,
  stepOptions,
  type TextToAudioOptions,
  textToAudioOptions,
} from "@denoise/diffusion";
import type { Tensor } from "@denoise/core";
import { conditionStableAudio } from "./conditioning.ts";
import { initialAudioLatents, type InitialAudioOptions } from "./initial_audio.ts";
import { rotaryTables } from "./rotary.ts";
import type { StableAudioDenoiser, StableAudioProjection } from "./roles.ts";

export type { InitialAudioOptions } from "./initial_audio.ts";
export type * from "./roles.ts";

/** What pipelines read of the config of Stable Audio's autoencoder. */
export interface WaveformAutoencoderConfig {
  /** How many samples of a level are one of the next. */
  readonly downsampling_ratios: readonly number[];
  /** 1 (mono) or 2 (stereo). */
  readonly audio_channels: number;
  /** Samples in a second. */
  readonly sampling_rate: number;
}

/** What a StableAudioPipeline consists of. */
export interface StableAudioComponents {
  /** AutoencoderOobleck. */
  readonly vae: Autoencoder<WaveformAutoencoderConfig>;
  /** T5EncoderModel. */
  readonly textEncoder: TokenEncoder;
  /** StableAudioProjectionModel. */
  readonly projectionModel: StableAudioProjection;
  /** T5TokenizerFast. */
  readonly tokenizer: Tokenizer;
  /** StableAudioDiTModel. */
  readonly transformer: StableAudioDenoiser;
  /** CosineDPMSolverMultistepScheduler, or another one. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface StableAudioOptions extends TextToAudioOptions, InitialAudioOptions {
  /** Where the audio ends, in seconds. Defaults to the length that the model was trained for (47.55). */
  readonly audioEndInS?: number | undefined;
  /** Where it starts, in seconds. Defaults to 0. */
  readonly audioStartInS?: number | undefined;
  /** Denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. Defaults to 7. */
  readonly guidanceScale?: number | undefined;
  /** The first latents, float32 [N, channels, length], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
  /** States of the text encoder instead of a prompt, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** States instead of a negative prompt, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Which tokens of `promptEmbeds` count, int64 [prompts, tokens]. Defaults to all. */
  readonly attentionMask?: Tensor | undefined;
  /** Which tokens of `negativePromptEmbeds` count, same shape. Defaults to all. */
  readonly negativeAttentionMask?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableAudioArguments = [prompt?: Prompt, options?: StableAudioOptions];

/** A loaded StableAudioPipeline. */
export type StableAudioPipeline = Pipeline<
  StableAudioComponents,
  StableAudioArguments,
  AudioOutput
>;

/** Text to audio with Stable Audio Open; `StableAudioPipeline` of diffusers. */
export const StableAudioPipeline: PipelineClass<
  StableAudioComponents,
  StableAudioArguments,
  AudioOutput
> = definePipeline({
  className: "StableAudioPipeline",
  task: "text-to-audio",
  family: "stable-audio",
  takesPrompt: true,
  makes: "audio",
  options: {
    ...textToAudioOptions,
    audioEndInS: { type: "number" },
    audioStartInS: { type: "number" },
    initialAudioWaveforms: { type: "object", list: "allowed" },
    initialAudioSamplingRate: { type: "number" },
    attentionMask: { type: "tensor" },
    negativeAttentionMask: { type: "tensor" },
  },
  defaults: {
    numInferenceSteps: 100,
    guidanceScale: 7,
    audioStartInS: 0,
    numWaveformsPerPrompt: 1,
  },
  defaultLength: longestOf,
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model" },
    projectionModel: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    transformer: { kind: "model" },
    scheduler: { kind: "scheduler" },
  },
  async *generate(run, prompt, options) {
    const { vae, transformer, scheduler } = run.components;
    const { numInferenceSteps, guidanceScale, numWaveformsPerPrompt, eta = 0, signal } = options;
    const { in_channels: channels, sample_size: length } = transformer.config;
    const span = audioSpan(run.components, options);
    const guidance = guidanceScale > 1;
    const { encoderHiddenStates, globalHiddenStates, count } = await conditionStableAudio(
      run,
      prompt,
      { ...options, ...span, guidance },
    );

    const noise = batchNoise(count, options);
    scheduler.setTimesteps(numInferenceSteps);
    const first = initialLatents([count, channels, length], noise, scheduler, options.latents);
    const given = await initialAudioLatents(run, options, {
      length: length * hopLength(vae),
      prompts: count / numWaveformsPerPrompt,
      count,
      generator: noise.generator,
    });
    const rotaryEmbedding = rotaryTables(transformer.config, length + 1);
    const { latents } = yield* denoise(given === undefined ? first : first.add(given), {
      ...{ scheduler, timesteps: scheduler.timesteps, options, preview: noPreview },
      settings: stepOptions(scheduler, noise, { eta }),
      predict: (latents, timestep) =>
        predictGuided(
          { guidance, guidanceScale },
          scheduler.scaleModelInput(latents, timestep),
          (input) =>
            transformer.forward(input, timestep, {
              ...{ encoderHiddenStates, globalHiddenStates, rotaryEmbedding, signal },
            }),
        ),
    });

    if (options.outputType === "latent") return { images: [], audios: [], tensor: latents };
    const { sample } = await vae.decode(latents);
    const { sampling_rate: rate } = vae.config;
    const at = (seconds: number) => Math.min(Math.trunc(seconds * rate), sample.dims[2]!);
    const samples = sample.slice(2, at(span.audioStartInS), at(span.audioEndInS));
    const facts = { steps: numInferenceSteps, guidanceScale, eta: options.eta, ...span };
    const described = { ...options, numImagesPerPrompt: numWaveformsPerPrompt };
    const recipe = describeRun(prompt, described, facts, noise);
    return await audioOutput(run, samples, rate, options.outputType, recipe);
  },
});

/** How many samples one latent is. */
function hopLength({ config }: StableAudioComponents["vae"]): number {
  return config.downsampling_ratios.reduce((product, ratio) => product * ratio, 1);
}

/** The length that the transformer was trained for, in seconds. */
function longestOf({ vae, transformer }: StableAudioComponents): number {
  return transformer.config.sample_size * hopLength(vae) / vae.config.sampling_rate;
}

/** Where audio starts and ends, in seconds. */
interface AudioSpan {
  readonly audioStartInS: number;
  readonly audioEndInS: number;
}

/**
 * The start and end of a call.
 *
 * @throws {RangeError} for what the models cannot make.
 */
function audioSpan(
  components: StableAudioComponents,
  { audioStartInS = 0, audioEndInS }: StableAudioOptions,
): AudioSpan {
  const longest = longestOf(components);
  const { min_value: least, max_value: most } = components.projectionModel.config;
  const end = audioEndInS ?? longest;
  for (const [name, value] of Object.entries({ audioStartInS, audioEndInS: end })) {
    if (value >= least && value <= most) continue;
    throw new RangeError(
      `Cannot make audio with ${name} ${value}: it must be from ${least} to ${most} seconds`,
    );
  }
  if (end < audioStartInS) {
    throw new RangeError(
      `Cannot make audio from second ${audioStartInS} to ${end}: audioEndInS must not be less than ` +
        `audioStartInS`,
    );
  }
  if (end - audioStartInS > longest) {
    throw new RangeError(
      `Cannot make ${
        end - audioStartInS
      } seconds of audio: the model makes at most ${longest}; give ` +
        `another audioStartInS or audioEndInS`,
    );
  }
  return { audioStartInS, audioEndInS: end };
}
