import { type Audio, type GeneratorInput, type PipelineRun, Tensor } from "@denoise/core";
import { inChannels } from "@denoise/diffusion";
import type { Autoencoder } from "@denoise/roles";
import type { WaveformAutoencoderConfig } from "./mod.ts";

/** A clip that a run begins with. */
export interface InitialAudioOptions {
  /**
   * Audio, one clip for each prompt, or a tensor of them, float32 [prompts, channels, samples] or [prompts, samples]
   * in -1..1. What is shorter than the model's audio is filled up with silence, what is longer is cut, with a
   * warning.
   */
  readonly initialAudioWaveforms?: Tensor | Audio | readonly Audio[] | undefined;
  /** Samples in a second of a tensor; that of the autoencoder. */
  readonly initialAudioSamplingRate?: number | undefined;
}

/** What the clips are encoded for. */
interface ForRun {
  /** Samples that the model makes. */
  readonly length: number;
  /** How many prompts there are. */
  readonly prompts: number;
  /** How many audio clips are made. */
  readonly count: number;
  /** What is drawn from. */
  readonly generator: GeneratorInput;
}

/**
 * The latents of the clips that a run begins with, a draw of what the encoder gives for each prompt, one row
 * for each audio clip to make.
 *
 * @throws {TypeError} for clips of another number, rate or shape.
 */
export async function initialAudioLatents(
  { components: { vae }, warn }: PipelineRun<
    { readonly vae: Autoencoder<WaveformAutoencoderConfig> }
  >,
  options: InitialAudioOptions,
  { length, prompts, count, generator }: ForRun,
): Promise<Tensor | undefined> {
  const { initialAudioWaveforms: given, initialAudioSamplingRate } = options;
  const { sampling_rate: rate, audio_channels } = vae.config;
  if (initialAudioSamplingRate !== undefined && initialAudioSamplingRate !== rate) {
    throw new TypeError(
      `Cannot begin with audio of ${initialAudioSamplingRate} Hz: initialAudioSamplingRate must be ` +
        `${rate}, that of the model; resample the audio`,
    );
  }
  if (given === undefined) return undefined;
  const clips = given instanceof Tensor
    ? checked(given, initialAudioSamplingRate, rate)
    : stacked([given].flat() as Audio[], rate);
  const waveforms = inChannels(clips, audio_channels);
  const [rows, channels, samples] = waveforms.dims as [number, number, number];
  if (rows !== prompts || channels !== audio_channels) {
    throw new TypeError(
      `Cannot begin with audio of shape [${clips.dims.join(", ")}]: this call needs ` +
        `[${prompts}, ${audio_channels}, samples], a clip for each prompt`,
    );
  }
  if (samples !== length) {
    const [what, deed] = samples < length ? ["shorter", "filled up"] : ["longer", "cut"];
    warn(`initialAudioWaveforms: ${samples} samples are ${what} than ${length}, and are ${deed}`);
  }
  const { latentDist } = await vae.encode(fitted(waveforms, length));
  const each = Array.isArray(generator) ? generator.slice(0, prompts) : generator;
  return latentDist.sample(each).repeat([count / prompts, 1, 1]);
}

function checked(waveforms: Tensor, given: number | undefined, rate: number): Tensor {
  if (given === undefined) {
    throw new TypeError(
      `Cannot begin with initialAudioWaveforms without their rate: give initialAudioSamplingRate, which ` +
        `must be ${rate}`,
    );
  }
  const { dims } = waveforms;
  if (dims.length === 2) return waveforms.reshape([dims[0]!, 1, dims[1]!]);
  if (dims.length === 3) return waveforms;
  throw new TypeError(
    `Cannot begin with audio of shape [${
      dims.join(", ")
    }]: it must be [prompts, channels, samples] or ` +
      `[prompts, samples]`,
  );
}

/** Audio clips of one length and number of channels as float32 [N, channels, samples]. */
function stacked(clips: readonly Audio[], rate: number): Tensor {
  const longest = Math.max(...clips.map(({ length }) => length));
  return Tensor.cat(clips.map(({ sampleRate, channels, length, data }) => {
    if (sampleRate !== rate) {
      throw new TypeError(
        `Cannot begin with audio of ${sampleRate} Hz: it must be of ${rate}, that of the model; ` +
          `resample the audio`,
      );
    }
    return fitted(new Tensor("float32", data, [1, channels, length]), longest);
  }));
}

/** Waveforms cut, or filled up with silence, to a length. */
function fitted(waveforms: Tensor, length: number): Tensor {
  const [rows, channels, samples] = waveforms.dims as [number, number, number];
  if (samples >= length) return waveforms.slice(2, 0, length);
  return Tensor.cat([waveforms, Tensor.zeros([rows, channels, length - samples])], 2);
}
