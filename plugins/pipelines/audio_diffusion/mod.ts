/**
 * AudioDiffusionPipeline: audio by way of images of their frequencies, which a UNet draws out of
 * noise (teticio/audio-diffusion-256), or latents of them (teticio/latent-audio-diffusion-256). A
 * audio that is given can be changed from a step on, and continued at either end.
 *
 * The images are those of diffusers. The audio is not, nor is that of two calls there: an
 * image has no phases, and librosa begins with random ones (see `@denoise/processor-mel`).
 *
 * Not covered: `audio_file` (give its samples as `rawAudio`), and the methods `encode` and `slerp`.
 *
 * @example
 * ```ts ignore
 * import { AudioDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await AudioDiffusionPipeline.fromPretrained("teticio/audio-diffusion-256");
 * const { images, audios } = await pipe({ seed: 0 });
 * await audios[0].save("loop.wav");
 * const { audios: [more] } = await pipe({ rawAudio: audios[0].data, startStep: 25, maskStartSecs: 1 });
 * ```
 *
 * @module
 */
import {
  type AudioOutput,
  definePipeline,
  type GeneratorInput,
  type Image,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type Recipe,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import type { Autoencoder, Denoiser, SpectrogramConverter } from "@denoise/roles";
import {
  batchNoise,
  denormalize,
  finishStep,
  sampleSize,
  stepOptions,
  toImages,
} from "@denoise/diffusion";

/** What an AudioDiffusionPipeline consists of. */
export interface AudioDiffusionComponents {
  /** A UNet2DModel, or a UNet2DConditionModel that is given `encoding`. */
  readonly unet: Denoiser;
  /** A Mel, which turns audio into images and back. */
  readonly mel: SpectrogramConverter;
  /** A DDIMScheduler or DDPMScheduler. */
  readonly scheduler: Scheduler;
  /** An AutoencoderKL, where the UNet works on latents. */
  readonly vqvae: Autoencoder | null;
}

/** Options of a call. */
export interface AudioDiffusionOptions extends Omit<RunOptions, "outputType"> {
  /** Audio to make. Defaults to 1. */
  readonly batchSize?: number | undefined;
  /** Denoising steps. Defaults to 50 with DDIM and 1000 otherwise. */
  readonly steps?: number | undefined;
  /** The same as `steps`, by the name that it has in other pipelines. */
  readonly numInferenceSteps?: number | undefined;
  /** An audio clip to begin with, one channel in -1..1 at the sample rate of the mel. */
  readonly rawAudio?: Float32Array | undefined;
  /** Which part of that audio, counted from 0. Defaults to 0. */
  readonly slice?: number | undefined;
  /** From which step on it is changed. Defaults to 0, so that all but masked parts are new. */
  readonly startStep?: number | undefined;
  /** Seconds at its start that are kept. Defaults to 0. */
  readonly maskStartSecs?: number | undefined;
  /** Seconds at its end that are kept. Defaults to 0. */
  readonly maskEndSecs?: number | undefined;
  /** What the scheduler draws from. Defaults to the generator of the first noise. */
  readonly stepGenerator?: GeneratorInput | undefined;
  /** Amount of noise of DDIM, 0..1. Defaults to 0. */
  readonly eta?: number | undefined;
  /** The first noise, float32 [N, C, H, W]. */
  readonly noise?: Tensor | undefined;
  /** What a UNet2DConditionModel is given, float32 [N, tokens, width]. */
  readonly encoding?: Tensor | undefined;
  /** Images with their audio, images alone, or float32 [N, C, H, W] in 0..1. */
  readonly outputType?: "audio" | "image" | "tensor" | undefined;
}

/** A loaded AudioDiffusionPipeline. */
export type AudioDiffusionPipeline = Pipeline<
  AudioDiffusionComponents,
  [options?: AudioDiffusionOptions],
  AudioOutput
>;

/** Audio by way of spectrograms; `AudioDiffusionPipeline` of diffusers. */
export const AudioDiffusionPipeline: PipelineClass<
  AudioDiffusionComponents,
  [options?: AudioDiffusionOptions],
  AudioOutput
> = definePipeline({
  className: "AudioDiffusionPipeline",
  task: "unconditional-audio-generation",
  family: "audio-diffusion",
  options: {
    ...runOptions,
    outputType: { type: "string", choices: ["audio", "image", "tensor"] },
    batchSize: { type: "integer", minimum: 1 },
    steps: { type: "integer", minimum: 1 },
    numInferenceSteps: { type: "integer", minimum: 1 },
    rawAudio: { type: "object" },
    slice: { type: "integer", minimum: 0 },
    startStep: { type: "integer", minimum: 0, cost: "none" },
    maskStartSecs: { type: "number", minimum: 0 },
    maskEndSecs: { type: "number", minimum: 0 },
    stepGenerator: { type: "object", list: "allowed" },
    eta: { type: "number" },
    noise: { type: "tensor" },
    encoding: { type: "tensor" },
  },
  defaults: { batchSize: 1, startStep: 0, eta: 0 },
  makes: "audio",
  components: {
    vqvae: { kind: "model", optional: true },
    unet: { kind: "model" },
    mel: { kind: "processor" },
    scheduler: { kind: "scheduler" },
  },
  async *generate(run, options: AudioDiffusionOptions = {}) {
    const { unet, scheduler } = run.components;
    const { batchSize = 1, startStep = 0, outputType = "audio", eta = 0, signal } = options;
    const steps = options.steps ?? options.numInferenceSteps ?? defaultSteps(scheduler);
    scheduler.setTimesteps(steps);
    checkStart(startStep, scheduler.timesteps.length);

    const source = batchNoise(batchSize, options);
    const stepSource = { ...source, generator: options.stepGenerator ?? source.generator };
    const encoderHiddenStates = unet.className === "UNet2DConditionModel"
      ? options.encoding
      : undefined;
    const recipe = (i: number) => ({ seed: source.seedOf(i)?.toString(), steps });

    let sample = firstNoise(unet, batchSize, source.generator, options.noise); // [N, C, h, w]
    const given = await givenAudio(run, options, sample, source.generator);
    if (given !== undefined && startStep > 0) {
      sample = given.noisy(sample, scheduler.timesteps[startStep - 1]!);
    }
    const begun = sample; // in diffusers the first noise is overwritten by this, too
    const timesteps = scheduler.timesteps.slice(startStep);
    for (const [index, timestep] of timesteps.entries()) {
      const output = await unet.forward(sample, timestep, { encoderHiddenStates, signal });
      const { prevSample, predOriginalSample } = scheduler.step(
        output.sample,
        timestep,
        sample,
        stepOptions(scheduler, stepSource, { eta }),
      );
      const latents = given?.keepEnds(prevSample, () => given.noisy(begun, timestep)) ?? prevSample;
      const step = {
        index,
        total: timesteps.length,
        timestep,
        latents,
        denoised: predOriginalSample,
        preview: async () => await greyImages(run, await decode(run, latents), recipe),
      };
      yield step;
      sample = await finishStep(step, options);
    }

    const tensor = await decode(run, sample);
    if (outputType === "tensor") return { images: [], audios: [], tensor };
    const images = await greyImages(run, tensor, recipe);
    if (outputType === "image") return { images, audios: [] };
    return { images, audios: await toAudio(run, images, recipe) };
  },
});

type Run = PipelineRun<AudioDiffusionComponents>;

function defaultSteps({ className }: Scheduler): number {
  return className === "DDIMScheduler" ? 50 : 1000;
}

function checkStart(startStep: number, steps: number): void {
  if (Number.isInteger(startStep) && startStep >= 0 && startStep < steps) return;
  throw new RangeError(
    `Cannot start at step ${startStep}: startStep must be an integer from 0 to ${steps - 1}`,
  );
}

function firstNoise(
  unet: Denoiser,
  batchSize: number,
  generator: GeneratorInput,
  noise?: Tensor,
): Tensor {
  const { in_channels, sample_size } = unet.config as Record<string, unknown>;
  const dims = [batchSize, in_channels as number, ...sampleSize(sample_size)];
  if (noise === undefined) return randnTensor(dims, generator);
  if (String(noise.dims) === String(dims)) return noise;
  throw new TypeError(
    `Cannot start from noise of shape [${noise.dims.join(", ")}]: this call needs ` +
      `[${dims.join(", ")}]`,
  );
}

/** An audio clip that is given, as the UNet sees it. */
interface GivenAudio {
  /** With noise as of a timestep, for each of the batch. */
  noisy(noise: Tensor, timestep: number): Tensor;
  /** A sample with the columns that are kept taken from another one. */
  keepEnds(sample: Tensor, kept: () => Tensor): Tensor;
}

async function givenAudio(
  { components: { mel, vqvae, scheduler } }: Run,
  options: AudioDiffusionOptions,
  noise: Tensor,
  generator: GeneratorInput,
): Promise<GivenAudio | undefined> {
  const { rawAudio, slice = 0, maskStartSecs = 0, maskEndSecs = 0 } = options;
  if (rawAudio === undefined) return undefined;
  const spectrogram = mel.toSpectrogram(rawAudio, slice); // [H, W]
  const [height, width] = spectrogram.dims as [number, number];
  const image = spectrogram.astype("float32").map((x) => Math.fround(x / 255 * 2 - 1))
    .reshape([1, 1, height, width]);
  const seen = vqvae === null ? image : await latentsOf(vqvae, image, generator);
  const [count, channels, rows, columns] = noise.dims as [number, number, number, number];
  if (String(seen.dims.slice(1)) !== String([channels, rows, columns])) {
    throw new TypeError(
      `Cannot change this audio: its image is [${seen.dims.slice(1).join(", ")}] to the unet, ` +
        `which takes [${[channels, rows, columns].join(", ")}]; do mel and unet belong together?`,
    );
  }
  const batch = Tensor.cat(Array<Tensor>(count).fill(seen));
  const perSecond = columns * mel.columnsPerSecond / width;
  const start = Math.min(columns, Math.floor(maskStartSecs * perSecond));
  const end = Math.min(columns, Math.floor(maskEndSecs * perSecond));
  return {
    noisy: (noise, timestep) =>
      scheduler.addNoise(batch, noise, Array<number>(count).fill(timestep)),
    keepEnds(sample, kept) {
      if (start === 0 && end === 0) return sample;
      const [data, from] = [sample.toFloat32Array().slice(), kept().toFloat32Array()];
      for (let row = 0; row < data.length; row += columns) {
        data.set(from.subarray(row, row + start), row);
        data.set(from.subarray(row + columns - end, row + columns), row + columns - end);
      }
      return new Tensor("float32", data, sample.dims);
    },
  };
}

async function latentsOf(
  vqvae: Autoencoder,
  image: Tensor,
  generator: GeneratorInput,
): Promise<Tensor> {
  const { latentDist } = await vqvae.encode(image);
  const first = Array.isArray(generator) ? generator[0] : generator;
  return latentDist.sample(first).mul(scalingFactor(vqvae));
}

function scalingFactor(vqvae: Autoencoder): number {
  return (vqvae.config as Record<string, unknown>)["scaling_factor"] as number;
}

/** Images of samples, float32 [N, C, H, W] in 0..1. */
async function decode({ components: { vqvae } }: Run, sample: Tensor): Promise<Tensor> {
  if (vqvae === null) return denormalize(sample);
  const { sample: decoded } = await vqvae.decode(sample.mul(1 / scalingFactor(vqvae)));
  return denormalize(decoded);
}

/** Grey images, whatever the channels. */
async function greyImages(
  run: Run,
  tensor: Tensor,
  recipe: (index: number) => Recipe,
): Promise<Image[]> {
  const made = await toImages(run, tensor, recipe);
  const { editor } = await run.images();
  if (tensor.dims[1] === 1 || editor === undefined) return made;
  return await Promise.all(made.map((image) => editor.open(image, "L")));
}

async function toAudio(
  run: Run,
  images: readonly Image[],
  recipe: (index: number) => Recipe,
): Promise<AudioOutput["audios"]> {
  const { mel } = run.components;
  const made = images.map(({ data, width, height }) => {
    const samples = mel.toAudio(new Tensor("uint8", data, [height, width]));
    return new Tensor("float32", samples, [1, 1, samples.length]);
  });
  const codec = await run.audio();
  const about = (i: number) => ({ ...run.recipe, ...recipe(i) });
  return codec.fromTensor(Tensor.cat(made), mel.sampleRate, about);
}
