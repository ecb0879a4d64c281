import type {
  AudioOutput,
  CallOptions,
  Image,
  PipelineRun,
  Recipe,
  RunOptions,
  Tensor,
} from "@denoise/core";
import { runOptions } from "@denoise/core";
import type { Prompt } from "./prompt.ts";

/** What pipelines that make audio are called with, whatever the models. */
export interface AudioRunOptions extends Omit<RunOptions, "outputType" | "preview"> {
  /** What the audio is given as: audio, float32 [N, channels, samples], or latents. Defaults to `"audio"`. */
  readonly outputType?: "audio" | "tensor" | "latent" | undefined;
}

const { preview: _preview, ...options } = runOptions;

const audioRunOptions: CallOptions<AudioRunOptions> = {
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
