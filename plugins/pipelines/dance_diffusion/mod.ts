/**
 * DanceDiffusionPipeline: audio out of pure noise, by a UNet that was trained on one kind of audio
 * (harmonai/maestro-150k, harmonai/glitch-440k). Dance Diffusion of Harmonai, with v-prediction
 * (Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models",
 * arXiv:2202.00512) and IPNDMScheduler.
 *
 * @example
 * ```ts ignore
 * import { DanceDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DanceDiffusionPipeline.fromPretrained("harmonai/maestro-150k");
 * const { audios } = await pipe({ seed: 0, audioLengthInS: 4 });
 * await audios[0].save("piano.wav");
 * ```
 *
 * @module
 */
import {
  type AudioOutput,
  definePipeline,
  type Pipeline,
  type PipelineClass,
  randnTensor,
  type RunOptions,
  runOptions,
  type Scheduler,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { audioOutput, batchNoise, denoise, noPreview, stepOptions } from "@denoise/diffusion";

/** What a DanceDiffusionPipeline consists of. */
export interface DanceDiffusionComponents {
  /** A UNet1DModel whose config has a `sample_rate`. */
  readonly unet: Denoiser;
  /** An IPNDMScheduler, or another whose timesteps run from 1 to 0. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface DanceDiffusionOptions extends Omit<RunOptions, "outputType"> {
  /** Audio to make. Defaults to 1. */
  readonly batchSize?: number | undefined;
  /** Denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /**
   * Length in seconds. Defaults to that of the audio it was trained on. What the model cannot
   * halve is made longer and cut off at the end.
   */
  readonly audioLengthInS?: number | undefined;
  /** How the audio is given: as audio, or float32 [N, channels, length] in -1..1. */
  readonly outputType?: "audio" | "tensor" | undefined;
}

/** A loaded DanceDiffusionPipeline. */
export type DanceDiffusionPipeline = Pipeline<
  DanceDiffusionComponents,
  [options?: DanceDiffusionOptions],
  AudioOutput
>;

/** Unconditional audio; `DanceDiffusionPipeline` of diffusers. */
export const DanceDiffusionPipeline: PipelineClass<
  DanceDiffusionComponents,
  [options?: DanceDiffusionOptions],
  AudioOutput
> = definePipeline({
  className: "DanceDiffusionPipeline",
  task: "unconditional-audio-generation",
  family: "dance-diffusion",
  options: {
    ...runOptions,
    outputType: { type: "string", choices: ["audio", "tensor"] },
    batchSize: { type: "integer", minimum: 1 },
    numInferenceSteps: { type: "integer", minimum: 1 },
    audioLengthInS: { type: "number" },
  },
  defaults: { numInferenceSteps: 100 },
  makes: "audio",
  defaultLength({ unet }): number {
    const { rate, wanted } = lengths(unet.config as unknown as AudioConfig);
    return wanted / rate;
  },
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  async *generate(run, options: DanceDiffusionOptions = {}) {
    const { unet, scheduler } = run.components;
    const { batchSize = 1, numInferenceSteps = 100, outputType = "audio", signal } = options;
    const config = unet.config as unknown as AudioConfig;
    const { rate, wanted, made } = lengths(config, options.audioLengthInS);
    const noise = batchNoise(batchSize, options);

    const sample = randnTensor([batchSize, config.in_channels, made], noise.generator); // [N, C, L]
    scheduler.setTimesteps(numInferenceSteps);
    const { latents } = yield* denoise(sample, {
      scheduler,
      options,
      timesteps: scheduler.timesteps,
      settings: stepOptions(scheduler, noise),
      predict: async (sample, timestep) =>
        (await unet.forward(sample, timestep, { signal })).sample,
      preview: noPreview,
    });
    const samples = latents.clamp(-1, 1).slice(2, 0, wanted);
    return await audioOutput(run, samples, rate, outputType, (i) => ({
      seed: noise.seedOf(i)?.toString(),
      steps: numInferenceSteps,
      audioLengthInS: wanted / rate,
    }));
  },
});

/** What the config of a UNet1DModel says of audio. */
interface AudioConfig {
  readonly in_channels: number;
  readonly sample_size: number;
  readonly sample_rate: number | null;
  readonly up_block_types: readonly string[];
}

/** How many samples are wanted, and how many are made so that the levels of the model can halve them. */
function lengths(
  { sample_size, sample_rate: rate, up_block_types }: AudioConfig,
  given?: number,
): { readonly rate: number; readonly wanted: number; readonly made: number } {
  if (typeof rate !== "number") {
    throw new TypeError(
      `Cannot make audio: sample_rate in the unet's config is ${rate}, but must be a number of ` +
        `samples in a second`,
    );
  }
  const seconds = given ?? sample_size / rate;
  const size = seconds * rate; // may be a little less than sample_size, as in diffusers
  const factor = 2 ** up_block_types.length;
  if (!(size >= 3 * factor) || !Number.isFinite(size)) {
    throw new RangeError(
      `Cannot make an audio clip of ${seconds} seconds: it must be ` +
        `${3 * factor / rate} seconds at least, so that the levels of the unet can halve it`,
    );
  }
  return { rate, wanted: Math.floor(size), made: Math.ceil(size / factor) * factor };
}
