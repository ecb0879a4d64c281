/**
 * StableDiffusionUpscalePipeline: a picture four times as wide and high, after a text. The UNet sees
 * the small picture beside the latents, with some noise, and is told how much: Rombach et al.
 * (arXiv:2112.10752), section 4.4; Ho et al., "Cascaded Diffusion Models" (arXiv:2106.15282).
 *
 * Not covered: `crossAttentionKwargs`, the watermarker.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionUpscalePipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionUpscalePipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-x4-upscaler",
 * );
 * const { images } = await pipe("a white cat", { image: "small-cat.png" });
 * await images[0].save("cat.png");
 * ```
 *
 * @module
 */
import {
  type Autoencoder,
  definePipeline,
  type GeneratorInput,
  type PictureOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  denoise,
  denormalize,
  describeRun,
  hideUnsafe,
  initialLatents,
  pictureOutput,
  type PicturesInput,
  planTimesteps,
  predictGuided,
  preparePictures,
  previewLatents,
  repeatRows,
  stepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnText,
  type GuidanceOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** What a StableDiffusionUpscalePipeline consists of. */
export interface StableDiffusionUpscaleComponents
  extends Omit<StableDiffusionComponents, "imageEncoder"> {
  /** Adds the noise to the small picture: DDPMScheduler. */
  readonly lowResScheduler: Scheduler;
  /** Puts a mark into pictures; not used. */
  readonly watermarker: unknown;
}

/** Options of a call. */
export interface StableDiffusionUpscaleOptions extends RunOptions, GuidanceOptions {
  /** The small picture, or one for each prompt; sides are cut to multiples of 8. */
  readonly image: PicturesInput;
  /** Number of denoising steps; 75 unless given. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the small picture, a timestep from 0 to 350 (`max_noise_level`); 20 unless given. */
  readonly noiseLevel?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height, width] of the small picture. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionUpscaleArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionUpscaleOptions,
];

/** A loaded StableDiffusionUpscalePipeline. */
export type StableDiffusionUpscalePipeline = Pipeline<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleArguments,
  PictureOutput
>;

const { imageEncoder: _, ...components } = stableDiffusion.components;

/** Picture and text to larger pictures; `StableDiffusionUpscalePipeline` of diffusers. */
export const StableDiffusionUpscalePipeline: PipelineClass<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleArguments,
  PictureOutput
> = definePipeline({
  className: "StableDiffusionUpscalePipeline",
  components: {
    ...components,
    lowResScheduler: { kind: "scheduler" },
    watermarker: { kind: "model", optional: true },
  },
  settings: { max_noise_level: 350 },
  generate,
});

type Run = PipelineRun<StableDiffusionUpscaleComponents>;

/** The scaling factor of the upscaler's autoencoder; diffusers takes it whatever the config says. */
const SCALING_FACTOR = 0.08333;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionUpscaleArguments) {
  const { unet, vae, scheduler, lowResScheduler } = run.components;
  const { image, noiseLevel = 20, guidanceScale = 9, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkNoiseLevel(noiseLevel, Number(run.settings.max_noise_level));
  const text = await conditionOnText(run, prompt, { ...options, guidanceScale });
  const { count, guidance, encoderHiddenStates } = text;
  const given = await preparePictures(await run.pictures(), image, {
    multiple: vaeScaleFactor(vae),
    resample: "bicubic",
  });
  const channels = vae.config.latent_channels;
  checkChannels(unet.config.in_channels, channels, given.dims[1]!);

  const { numInferenceSteps = 75 } = options;
  const timesteps = planTimesteps(scheduler, { numInferenceSteps });
  const noise = batchNoise(count, options);
  // Given generators draw as in the reference, for each picture given; own ones for each made.
  const own = options.generator === undefined;
  const pictures = own ? repeatRows(given, count, "pictures") : given;
  const added = randnTensor(pictures.dims, firstOf(noise.generator, pictures.dims[0]!));
  const noisy = lowResScheduler.addNoise(pictures, added, [noiseLevel]);
  const small = repeatRows(noisy, count, "pictures");
  const [height, width] = small.dims.slice(2) as [number, number];
  const latents = initialLatents(
    [count, channels, height, width],
    noise,
    scheduler,
    options.latents,
  );
  const rows = guidance ? 2 * count : count;
  const classLabels = Tensor.full([rows], noiseLevel, "int64");
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps: numInferenceSteps, guidanceScale, noiseLevel, eta };
  const recipe = describeRun(prompt, options, facts, noise);

  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale },
        Tensor.cat([scheduler.scaleModelInput(latents, timestep), small], 1),
        (input) => unet.forward(input, timestep, { encoderHiddenStates, classLabels, signal }),
      ),
    preview: (stepped) => previewLatents(run, stepped, recipe, decode),
  });
  if (outputType === "latent") return { images: [], tensor: last };
  const { shown, nsfwContentDetected } = await hideUnsafe(
    run,
    denormalize(await decode(vae, last)),
  );
  const made = await pictureOutput(run, shown, outputType, recipe);
  return nsfwContentDetected === undefined ? made : { ...made, nsfwContentDetected };
}

/** Latents to pictures in about -1..1. */
async function decode(vae: Autoencoder, latents: Tensor): Promise<Tensor> {
  return (await vae.decode(latents.div(SCALING_FACTOR))).sample;
}

/** The generators that draw for that many pictures. */
function firstOf(generator: GeneratorInput, count: number): GeneratorInput {
  return Array.isArray(generator) ? generator.slice(0, count) : generator;
}

function checkNoiseLevel(noiseLevel: number, most: number): void {
  if (Number.isInteger(noiseLevel) && noiseLevel >= 0 && noiseLevel <= most) return;
  throw new RangeError(
    `Cannot add noise of level ${noiseLevel} to the picture: noiseLevel must be an integer from 0 ` +
      `to ${most}`,
  );
}

function checkChannels(have: number, latents: number, picture: number): void {
  if (have === latents + picture) return;
  throw new RangeError(
    `Cannot upscale with a UNet of ${have} input channels: it must have ${
      latents + picture
    }, for ` +
      `latents and the small picture`,
  );
}
