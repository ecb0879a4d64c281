import {
  type CallOptions,
  type ComponentSpec,
  type ImageOutput,
  type PipelineRun,
  type PipelineStep,
  type Recipe,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  type AutoencoderConfig,
  type BatchNoise,
  batchNoise,
  denoise,
  finishLatents,
  guideBesideVariance,
  initialLatents,
  type NoiseStartOptions,
  noiseStartOptions,
  previewLatents,
  type PriorText,
  repeatForPrompts,
  retrieveTimesteps,
  stepOptions,
  timestepOptions,
  withLearnedVariance,
} from "@denoise/diffusion";
import type { Autoencoder, Denoiser, DenoiserOptions } from "@denoise/roles";

/** What the decoder consists of. */
export interface KandinskyDecoderComponents {
  /** UNet2DConditionModel, conditioned on the vector of an image. */
  readonly unet: Denoiser<{ readonly in_channels: number; readonly out_channels: number }>;
  /** DDPMScheduler, or another for the trained noise. */
  readonly scheduler: Scheduler;
  /** VQModel. */
  readonly movq: Autoencoder<AutoencoderConfig>;
}

/** The components that the definitions of these pipelines share. */
export const kandinskyDecoder: {
  readonly [K in keyof KandinskyDecoderComponents]: ComponentSpec;
} = {
  unet: { kind: "model" },
  scheduler: { kind: "scheduler" },
  movq: { kind: "model" },
};

/** Options of a call of the decoder. */
export interface KandinskyDecoderOptions extends RunOptions, NoiseStartOptions {
  /** The vectors of the images to make, as a prior gives them, float32 [N, width]; or a list of such. */
  readonly imageEmbeds: Tensor | readonly Tensor[];
  /** Those of what is not wanted, of the same shape; with guidance. */
  readonly negativeImageEmbeds?: Tensor | readonly Tensor[] | undefined;
  /** Number of denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /** How closely the vectors are followed. Defaults to 4; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Images made of each vector. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
}

/** The declarations of {@linkcode KandinskyDecoderOptions}. */
export const kandinskyDecoderOptions: CallOptions<KandinskyDecoderOptions> = {
  ...runOptions,
  ...noiseStartOptions,
  imageEmbeds: { type: "tensor", list: "allowed", required: true },
  negativeImageEmbeds: { type: "tensor", list: "allowed" },
  numInferenceSteps: timestepOptions.numInferenceSteps,
  guidanceScale: { type: "number" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
};

/** The defaults of {@linkcode KandinskyDecoderOptions}. */
export const kandinskyDecoderDefaults = {
  height: 512,
  width: 512,
  numInferenceSteps: 100,
  guidanceScale: 4,
} as const satisfies Partial<KandinskyDecoderOptions>;

/** How a call of the decoder begins. */
export interface DecoderStart {
  /** The first latents, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** The timesteps from here on. */
  readonly timesteps: readonly number[];
  /** What the UNet is given beside latents, float32 [N, C', h, w]. */
  readonly beside?: Tensor | undefined;
  /** What of the latents goes on to the next timestep. Defaults to all. */
  keep?(latents: Tensor, next: number | undefined): Tensor;
}

/** What a start is given. */
export interface DecoderFacts {
  /** Images to make. */
  readonly count: number;
  /** Where the noise of the images comes from. */
  readonly noise: BatchNoise;
}

/** Makes the first latents of a call of the decoder. */
export type BeginDecoding<O extends KandinskyDecoderOptions> = (
  run: PipelineRun<KandinskyDecoderComponents>,
  options: O,
  facts: DecoderFacts,
) => DecoderStart | Promise<DecoderStart>;

/** How many pixels wide and high one latent is. */
export function movqFactor(movq: Autoencoder<AutoencoderConfig>): number {
  return 2 ** (movq.config.block_out_channels.length - 1);
}

/** From noise, in whole squares of latents. */
export const beginWithNoise: BeginDecoding<KandinskyDecoderOptions> = (
  run,
  options,
  facts,
): DecoderStart => {
  const { scheduler, movq } = run.components;
  const timesteps = retrieveTimesteps(scheduler, options);
  return { latents: noiseOf(movq, scheduler, options, facts), timesteps };
};

/** Noise in as many latents as height and width want, of whole squares of them. */
export function noiseOf(
  movq: Autoencoder<AutoencoderConfig>,
  scheduler: Scheduler,
  options: NoiseStartOptions,
  { count, noise }: DecoderFacts,
): Tensor {
  const factor = movqFactor(movq);
  const sides = [options.height ?? 512, options.width ?? 512]
    .map((side) => Math.ceil(side / factor ** 2) * factor);
  const dims = [count, movq.config.latent_channels, ...sides];
  return initialLatents(dims, noise, scheduler, options.latents);
}

/** Both sides as whole squares of latents, where images must fit their latents. */
export function checkSides(
  verb: string,
  { height = 512, width = 512 }: Pick<NoiseStartOptions, "height" | "width">,
  movq: Autoencoder<AutoencoderConfig>,
): void {
  const multiple = movqFactor(movq) ** 2;
  if (height % multiple === 0 && width % multiple === 0) return;
  throw new RangeError(
    `Cannot ${verb} an image of ${width}x${height}: both sides must be multiples of ${multiple}`,
  );
}

/** What conditions the UNet beside the vectors of images. */
export interface BesideEmbeds {
  /** An image that controls for each vector or for all, float32 [N, 3, height, width] in 0..1. */
  readonly hint?: Tensor | readonly Tensor[] | undefined;
  /** The texts of the vectors; with guidance those of what is not wanted first, as many again. */
  readonly text?: Pick<PriorText, "pooled" | "states"> | undefined;
}

/** Pixels of a hint's side that its layers make one latent of. */
const HINT_FACTOR = 8;

/** A hint is as large as the latents once its layers have made it smaller. */
function checkHint(hint: Tensor, latents: Tensor): void {
  const [height, width] = latents.dims.slice(2).map((side) => side * HINT_FACTOR);
  const [rows, columns] = hint.dims.slice(2);
  if (rows === height && columns === width) return;
  throw new RangeError(
    `Cannot control by a hint of ${columns}x${rows}: with this height and width it must be ` +
      `${width}x${height}`,
  );
}

/**
 * A call of the decoder.
 *
 * @param begin What the latents are at first.
 * @param given What the UNet is given beside the vectors.
 * @throws {TypeError} for guidance without vectors of what is not wanted, and for other shapes.
 * @throws {RangeError} for a hint of another size.
 */
export async function* decodeEmbeds<O extends KandinskyDecoderOptions>(
  run: PipelineRun<KandinskyDecoderComponents>,
  options: O,
  begin: BeginDecoding<O>,
  given: BesideEmbeds = {},
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { unet, scheduler, movq } = run.components;
  const { guidanceScale = 4, numImagesPerPrompt = 1, numInferenceSteps, signal } = options;
  const guidance = guidanceScale > 1;
  const factor = movqFactor(movq);
  const embeds = rows(options.imageEmbeds);
  const vectors = embeds.dims[0]!;
  const count = vectors * numImagesPerPrompt;
  const negative = guidance ? rowsOfNegative(options, embeds) : undefined;
  const spread = (x: Tensor) => x.repeatInterleave(numImagesPerPrompt, 0);
  const both = (x: Tensor, other: Tensor | undefined) => other ? Tensor.cat([other, x]) : x;
  const twice = (x: Tensor) => both(x, guidance ? x : undefined);
  const hint = given.hint && (given.hint instanceof Tensor ? given.hint : Tensor.cat(given.hint));
  const conditioning: DenoiserOptions = {
    imageEmbeds: [both(spread(embeds), negative && spread(negative))],
    hint: hint && twice(repeatForPrompts(hint, vectors, count)),
    textEmbeds: given.text && spread(given.text.pooled),
    encoderHiddenStates: given.text && spread(given.text.states),
    signal,
  };

  const noise = batchNoise(count, options);
  const begun = await begin(run, options, { count, noise });
  const { timesteps } = begun;
  const beside = begun.beside && twice(begun.beside);
  const channels = movq.config.latent_channels;
  const [height, width] = begun.latents.dims.slice(2).map((side) => side * factor);
  if (hint !== undefined) checkHint(hint, begun.latents);
  const recipe = (i: number): Recipe => ({
    seed: noise.seedOf(i)?.toString(),
    ...{ steps: numInferenceSteps, guidanceScale, height, width },
  });
  // latents are neither scaled on their way to the UNet nor to the autoencoder
  const shown = { ...run, components: { vae: unscaled(movq) } };
  const decode = async (vae: Autoencoder, latents: Tensor): Promise<Tensor> =>
    (await (vae as Autoencoder & VectorDecoder).decode(latents, { forceNotQuantize: true })).sample;

  const { latents } = yield* denoise(begun.latents, {
    ...{ scheduler, timesteps, options, settings: stepOptions(scheduler, noise) },
    async predict(latents, timestep) {
      const input = twice(latents);
      const seen = beside ? Tensor.cat([input, beside], 1) : input;
      const { sample } = await unet.forward(seen, timestep, conditioning);
      return withLearnedVariance(
        guidance ? guideBesideVariance(sample, channels, guidanceScale) : sample,
        channels,
        scheduler,
      );
    },
    keep: ({ prevSample }, i) => begun.keep?.(prevSample, timesteps[i + 1]) ?? prevSample,
    preview: (stepped) => previewLatents(shown, stepped, recipe, decode),
  });
  return await finishLatents(shown, latents, options.outputType, recipe, { decode });
}

interface VectorDecoder {
  decode(
    latents: Tensor,
    options: { readonly forceNotQuantize: boolean },
  ): Promise<{ readonly sample: Tensor }>;
}

function rows(given: Tensor | readonly Tensor[]): Tensor {
  const embeds = given instanceof Tensor ? given : Tensor.cat(given);
  if (embeds.dims.length === 2) return embeds;
  throw new TypeError(
    `Cannot decode embeds of shape [${embeds.dims.join(", ")}]: they must be float32 [N, width]`,
  );
}

function rowsOfNegative({ negativeImageEmbeds }: KandinskyDecoderOptions, embeds: Tensor): Tensor {
  if (negativeImageEmbeds === undefined) {
    throw new TypeError(
      "Cannot guide without negativeImageEmbeds: give those that the prior made, or a guidanceScale of 1",
    );
  }
  const negative = rows(negativeImageEmbeds);
  if (String(negative.dims) === String(embeds.dims)) return negative;
  throw new TypeError(
    `Cannot pair imageEmbeds of shape [${
      embeds.dims.join(", ")
    }] with negativeImageEmbeds of shape ` +
      `[${negative.dims.join(", ")}]: they must be equal`,
  );
}

function unscaled(movq: Autoencoder<AutoencoderConfig>): Autoencoder<AutoencoderConfig> {
  return Object.create(movq, { config: { value: { ...movq.config, scaling_factor: 1 } } });
}
