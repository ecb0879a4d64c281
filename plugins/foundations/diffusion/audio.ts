import type {
  Audio,
  AudioOutput,
  CallOptions,
  Image,
  PipelineRun,
  Recipe,
  RunOptions,
} from "@denoise/core";
import { runOptions, Tensor } from "@denoise/core";
import type { Prompt } from "./prompt.ts";

/** What pipelines that make audio are called with, whatever the models. */
export interface AudioRunOptions extends Omit<RunOptions, "outputType" | "preview"> {
  /** What the audio is given as: audio, float32 [N, channels, samples], or latents. Defaults to `"audio"`. */
  readonly outputType?: "audio" | "tensor" | "latent" | undefined;
}

const { preview: _preview, ...options } = runOptions;

/** The declarations of {@linkcode AudioRunOptions}. */
export const audioRunOptions: CallOptions<AudioRunOptions> = {
  ...options,
  outputType: { type: "string", choices: ["audio", "tensor", "latent"] },
};

/** What pipelines that make audio of texts are called with beside. */
export interface TextToAudioOptions extends AudioRunOptions {
  /** Denoising steps. Defaults to what the class says. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the audio follows the prompt, above 1; up to 1 no guidance. Defaults to what the class says. */
  readonly guidanceScale?: number | undefined;
  /** What the audio should not be: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** Audio clips made of each prompt. Defaults to 1. */
  readonly numWaveformsPerPrompt?: number | undefined;
  /** Amount of noise of DDIM, 0..1; ignored by schedulers that do not know it. Defaults to 0. */
  readonly eta?: number | undefined;
  /** The first latents, float32 [N, channels, ...], before the scheduler scales them. */
  readonly latents?: Tensor | undefined;
  /** What encoders make of prompts, instead of these. */
  readonly promptEmbeds?: Tensor | undefined;
  /** The same instead of negative prompts, same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode TextToAudioOptions}. */
export const textToAudioOptions: CallOptions<TextToAudioOptions> = {
  ...audioRunOptions,
  numInferenceSteps: { type: "integer", minimum: 1 },
  guidanceScale: { type: "number" },
  negativePrompt: { type: "string", list: "allowed" },
  numWaveformsPerPrompt: { type: "integer", minimum: 1 },
  eta: { type: "number" },
  latents: { type: "tensor" },
  promptEmbeds: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
};

/** The previews of a step of audio: there are none. */
export function noPreview(): Promise<Image[]> {
  return Promise.resolve([]);
}

/**
 * What a pipeline gives for its samples: audio, or the tensor itself.
 *
 * @param samples float32 [N, channels, length], in about -1..1.
 * @param sampleRate Samples in a second.
 */
export async function audioOutput<C extends object>(
  run: PipelineRun<C>,
  samples: Tensor,
  sampleRate: number,
  outputType: AudioRunOptions["outputType"],
  recipe: (index: number) => Recipe,
): Promise<AudioOutput> {
  if (outputType === "tensor") return { images: [], audios: [], tensor: samples };
  const codec = await run.audio();
  const about = (index: number) => ({ ...run.recipe, ...recipe(index) });
  return { images: [], audios: codec.fromTensor(samples, sampleRate, about) };
}

/**
 * Mono audio on both channels, or the mean of both, where a model has another number of channels.
 *
 * @param waveforms float32 [N, channels, samples].
 */
export function inChannels(waveforms: Tensor, channels: number): Tensor {
  if (waveforms.dims[1] === 1 && channels === 2) return waveforms.repeat([1, 2, 1]);
  if (waveforms.dims[1] === 2 && channels === 1) return waveforms.mean([1], { keepDims: true });
  return waveforms;
}

/**
 * A clip that is given to a pipeline as its model takes it, float32 [N, channels, samples]; of mono and stereo one
 * becomes the other.
 *
 * @param name The option, for messages.
 * @param given Audio, or a tensor float32 [channels, samples] or [N, channels, samples] at the model's rate.
 * @throws {TypeError} for audio of another rate, number of channels or shape, and for none at all.
 */
export function waveformOf(
  name: string,
  given: Audio | Tensor,
  { sampleRate, channels }: { readonly sampleRate: number; readonly channels: number },
): Tensor {
  const clip = given instanceof Tensor
    ? tensorClip(name, given)
    : audioClip(name, given, sampleRate);
  const waveform = inChannels(clip, channels);
  if (waveform.dims[1] === channels && waveform.data.length > 0) return waveform;
  throw new TypeError(
    `Cannot use ${name} of shape [${
      clip.dims.join(", ")
    }]: it must have ${channels} channels and samples`,
  );
}

function tensorClip(name: string, given: Tensor): Tensor {
  const { dims, dtype } = given;
  if (dtype === "float32" && dims.length === 2) return given.reshape([1, ...dims]);
  if (dtype === "float32" && dims.length === 3) return given;
  throw new TypeError(
    `Cannot use ${name} of shape [${
      dims.join(", ")
    }] and type ${dtype}: it must be audio, or float32 ` +
      "[channels, samples] or [N, channels, samples]",
  );
}

function audioClip(name: string, given: Audio, sampleRate: number): Tensor {
  const { data, channels, length } = given;
  if (!(data instanceof Float32Array)) {
    throw new TypeError(`Cannot use ${name}: it must be audio, or a tensor of its samples`);
  }
  if (given.sampleRate === sampleRate) return new Tensor("float32", data, [1, channels, length]);
  throw new TypeError(
    `Cannot use ${name} of ${given.sampleRate} Hz: it must be of ${sampleRate}, that of the model; resample ` +
      "the audio",
  );
}
