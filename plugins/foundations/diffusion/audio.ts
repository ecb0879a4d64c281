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
