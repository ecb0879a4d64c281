import {
  type Audio,
  DenoiseError,
  type Generator,
  type GeneratorInput,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import { waveformOf } from "@denoise/diffusion";
import type { AceStepOptions, AceStepTask, AudioInput } from "./options.ts";
import { type AceStepComponents, latentsPerSecond } from "./roles.ts";

type Run = Pick<PipelineRun<AceStepComponents>, "components">;

/** Codes of songs to cover, int64 [N, tokens, quantizers], and what reads them. */
export interface SourceCodes {
  /** int64 [N, tokens, quantizers]. */
  readonly indices: Tensor;
  /** How many latents they are. */
  readonly length: number;
}

/**
 * The codes that a call gives, one row for each clip: a list that is too short is filled up with its last text, and
 * too large ones become the largest.
 *
 * @throws {TypeError} for texts without codes.
 * @throws {DenoiseError} `missing_component` without what reads them.
 */
export function codesOf(
  run: Run,
  { audioCodes, numWaveformsPerPrompt: clips = 1 }: AceStepOptions,
  count: number,
): SourceCodes | undefined {
  const texts = typeof audioCodes === "string" ? [audioCodes] : audioCodes ?? [];
  if (!texts.some((text) => text.trim() !== "")) return undefined;
  const { tokenizer, detokenizer } = coverParts(run);
  const rows = Array.from({ length: count }, (_, i) => {
    const text = texts[Math.min(Math.floor(i / clips), texts.length - 1)]!;
    const codes = [...text.matchAll(/<\|audio_code_(\d+)\|>/g)];
    return codes.map(([, code]) => Math.min(Number(code), tokenizer.codebookSize - 1));
  });
  const tokens = Math.max(...rows.map(({ length }) => length));
  if (tokens === 0) {
    throw new TypeError(
      `Cannot cover audioCodes ${JSON.stringify(audioCodes)}: there are no codes in it, such as ` +
        '"<|audio_code_12|>"',
    );
  }
  const quantizers = tokenizer.config.fsq_input_num_quantizers;
  const indices = new BigInt64Array(count * tokens * quantizers);
  for (const [row, codes] of rows.entries()) {
    for (const [i, code] of codes.entries()) {
      indices[(row * tokens + i) * quantizers] = BigInt(code);
    }
  }
  return {
    indices: new Tensor("int64", indices, [count, tokens, quantizers]),
    length: tokens * detokenizer.config.pool_window_size,
  };
}

/** What covers need. */
function coverParts(
  { components: { audioTokenizer: tokenizer, audioTokenDetokenizer: detokenizer } }: Run,
) {
  if (tokenizer !== null && detokenizer !== null) return { tokenizer, detokenizer };
  throw new DenoiseError(
    "missing_component",
    "Cannot cover a song: the pipeline lacks audio_tokenizer or audio_token_detokenizer; load a repo that has " +
      "them",
  );
}

/** A clip, if one is given, as float32 [1 or N, channels, samples] at the rate and with the channels of the model. */
export async function clipOf(
  { components: { vae }, audio }: Pick<PipelineRun<AceStepComponents>, "components" | "audio">,
  name: "srcAudio" | "referenceAudio",
  given: AudioInput | undefined,
): Promise<Tensor | undefined> {
  if (given === undefined) return undefined;
  const { sampling_rate, audio_channels } = vae.config;
  const clip = await openedClip(audio, name, given);
  return waveformOf(name, clip, { sampleRate: sampling_rate, channels: audio_channels });
}

async function openedClip(
  audio: PipelineRun<AceStepComponents>["audio"],
  name: string,
  given: AudioInput,
): Promise<Audio | Tensor> {
  const isFile = typeof given === "string" || given instanceof URL || given instanceof Uint8Array;
  if (!isFile) return given;
  const codec = await audio();
  if (codec.open !== undefined) return await codec.open(given);
  throw new TypeError(`Cannot read ${name}: the audio plugin here reads no files; give audio`);
}

/** Latents of silence of a length; those of the model repeat. */
function silence({ components: { conditionEncoder } }: Run, length: number): Tensor {
  const { silenceLatent } = conditionEncoder;
  const times = Math.ceil(length / silenceLatent.dims[1]!);
  return (times > 1 ? silenceLatent.repeat([1, times, 1]) : silenceLatent).slice(1, 0, length);
}

/** Latents of a clip, a draw of what the encoder gives, float32 [1 or N, length, channels]. */
async function encode(
  { components: { vae } }: Run,
  clip: Tensor,
  generator: GeneratorInput,
): Promise<Tensor> {
  const { latentDist } = await vae.encode(clip);
  return latentDist.sample(generator).permute([0, 2, 1]);
}

/** What the source of a run is made of. */
export interface SourceParts {
  /** What is done. */
  readonly task: AceStepTask;
  /** How many clips are made. */
  readonly count: number;
  /** How many latents they have where there is neither source nor code. */
  readonly length: number;
  /** The clip that is worked on. */
  readonly clip: Tensor | undefined;
  /** What a cover keeps instead of a clip. */
  readonly codes: SourceCodes | undefined;
  /** What the latents of the clip are drawn from. */
  readonly generator: Generator;
}

/**
 * What the denoiser is given beside latents: those of the source, and for each 1 where audio is made
 * (`prepare_src_latents` and `_build_chunk_mask`).
 *
 * @returns float32 [N, length, 2·channels].
 */
export async function contextLatents(
  run: Run,
  parts: SourceParts,
  { repaintingStart = 0, repaintingEnd = -1 }: AceStepOptions,
): Promise<Tensor> {
  const { task, count, clip } = parts;
  const source = await sourceLatents(run, parts);
  const [rows, length, channels] = source.dims as [number, number, number];
  const isPart = clip !== undefined && (task === "repaint" || task === "lego");
  const rate = latentsPerSecond(run.components.vae);
  const limited = (x: number, low: number, high: number) => Math.max(low, Math.min(x, high));
  const start = limited(Math.trunc(repaintingStart * rate), 0, length - 1);
  const asked = repaintingEnd > 0 ? Math.trunc(repaintingEnd * rate) : length;
  const end = limited(asked, start + 1, length);
  const made = (i: number) => !isPart || (i >= start && i < end) ? 1 : 0;
  const column = Float32Array.from({ length }, (_, i) => made(i));
  const mask = new Tensor("float32", column, [1, length, 1]).expand([rows, length, channels]);
  const kept = isPart && task === "repaint"
    ? source.mul(mask.mul(-1).add(1)).add(silence(run, length).mul(mask))
    : source;
  return Tensor.cat([kept, mask], 2).expand([count, length, 2 * channels]);
}

/** float32 [1 or N, length, channels]. */
async function sourceLatents(run: Run, parts: SourceParts): Promise<Tensor> {
  const { task, count, length, clip, codes, generator } = parts;
  if (codes !== undefined) {
    const { tokenizer, detokenizer } = coverParts(run);
    return await detokenizer.forward(await tokenizer.outputFromIndices(codes.indices));
  }
  if (clip === undefined) return silence(run, length);
  if (clip.dims[0] !== 1 && clip.dims[0] !== count) {
    throw new TypeError(
      `Cannot work on ${
        clip.dims[0]
      } clips for ${count} to make: srcAudio must be one clip, or one for each`,
    );
  }
  const latents = await encode(run, clip, generator);
  if (task !== "cover") return latents;
  const { tokenizer, detokenizer } = coverParts(run);
  const { quantized } = await tokenizer.tokenize(
    latents,
    run.components.conditionEncoder.silenceLatent,
  );
  return (await detokenizer.forward(quantized)).slice(1, 0, latents.dims[1]!);
}

/**
 * Latents of the clip whose timbre is taken, float32 [N, length, channels]: ten seconds each of its beginning, middle
 * and end, or silence (`prepare_reference_audio_latents`).
 */
export async function timbreLatents(
  run: Run,
  clip: Tensor | undefined,
  count: number,
  generator: Generator,
): Promise<Tensor> {
  const { vae, conditionEncoder } = run.components;
  const latents = clip === undefined
    ? conditionEncoder.silenceLatent.slice(
      1,
      0,
      Math.min(Math.ceil(30 * latentsPerSecond(vae)), conditionEncoder.silenceLatent.dims[1]!),
    )
    : await encode(run, thirtySeconds(clip, vae.config.sampling_rate), generator);
  const [, length, channels] = latents.dims as [number, number, number];
  return latents.expand([count, length, channels]);
}

/** Of a clip, repeated where it is shorter, ten seconds of its beginning, middle and end. */
function thirtySeconds(clip: Tensor, rate: number): Tensor {
  const [rows, , given] = clip.dims as [number, number, number];
  if (rows !== 1) {
    throw new TypeError(`Cannot take the timbre of ${rows} clips: referenceAudio must be one`);
  }
  const whole = given < 30 * rate ? clip.repeat([1, 1, Math.ceil(30 * rate / given)]) : clip;
  const samples = whole.dims[2]!;
  const starts = [0, Math.floor(samples / 3), Math.max(samples - 10 * rate, 0)];
  return Tensor.cat(
    starts.map((start) => whole.slice(2, start, Math.min(start + 10 * rate, samples))),
    2,
  );
}
