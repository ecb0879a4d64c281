import type { AudioOutput, PipelineRun, PipelineStep, Scheduler, Tensor } from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import {
  audioOutput,
  type AudioRunOptions,
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
import type { Vocoder } from "./components.ts";
import { audioLengths } from "./lengths.ts";

/** The parts that make audio of noise. */
export interface SpectrogramComponents {
  /** AutoencoderKL of spectrograms. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** The denoiser, called by who asks. */
  readonly unet: {
    readonly config: { readonly in_channels: number; readonly sample_size: number };
  };
  /** A scheduler for the trained noise. */
  readonly scheduler: Scheduler;
  /** SpeechT5HifiGan. */
  readonly vocoder: Vocoder;
}

/** What a call of such a pipeline says, with its defaults. */
export interface SpectrogramOptions extends AudioRunOptions {
  /** Length in seconds. Defaults to that of the audio that the model was trained on. */
  readonly audioLengthInS?: number | undefined;
  /** Denoising steps. */
  readonly numInferenceSteps: number;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. */
  readonly guidanceScale: number;
  /** What the audio should not be: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** Audio clips made of each prompt. */
  readonly numWaveformsPerPrompt: number;
  /** Amount of noise of DDIM, 0..1. Defaults to 0. */
  readonly eta?: number | undefined;
  /** The first latents, float32 [N, channels, frames, bins], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
}

/** What is made of noise: how many audio clips, and how the noise in them is predicted. */
export interface SpectrogramRun {
  /** How many. */
  readonly count: number;
  /** What the prompt was. */
  readonly prompt: Prompt | undefined;
  /**
   * The noise in latents, float32 [N, channels, frames, bins]; with guidance twice as many rows, those of
   * the negative prompts first.
   */
  predict(latents: Tensor, timestep: number): Promise<{ readonly sample: Tensor }>;
}

/** Denoises latents of spectrograms and makes audio of them. */
export async function* audioOfSpectrograms(
  run: PipelineRun<SpectrogramComponents>,
  { count, prompt, predict }: SpectrogramRun,
  options: SpectrogramOptions,
): AsyncGenerator<PipelineStep, AudioOutput, void> {
  const { vae, unet, scheduler, vocoder } = run.components;
  const { numInferenceSteps, guidanceScale, numWaveformsPerPrompt, eta = 0 } = options;
  const { seconds, frames, samples } = audioLengths(run.components, options.audioLengthInS);
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
        { guidance: guidanceScale > 1, guidanceScale },
        scheduler.scaleModelInput(latents, timestep),
        (input) => predict(input, timestep),
      ),
  });

  if (options.outputType === "latent") return { images: [], audios: [], tensor: latents };
  const { sample } = await vae.decode(latentSpace(vae).denormalize(latents)); // [N, 1, frames, bins]
  const spectrogram = sample.reshape([count, ...sample.dims.slice(2)]);
  const waveform = (await vocoder.forward(spectrogram)).slice(1, 0, samples);
  const audio = waveform.reshape([count, 1, waveform.dims[1]!]);
  const facts = {
    ...{ steps: numInferenceSteps, guidanceScale, eta: options.eta, audioLengthInS: seconds },
  };
  const described = { ...options, numImagesPerPrompt: numWaveformsPerPrompt };
  const recipe = describeRun(prompt, described, facts, noise);
  return await audioOutput(run, audio, vocoder.config.sampling_rate, options.outputType, recipe);
}
