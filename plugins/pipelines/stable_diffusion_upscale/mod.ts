/**
 * StableDiffusionUpscalePipeline: an image four times as wide and high, after a text. The UNet sees
 * the small image beside the latents, with some noise, and is told how much: Rombach et al.
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
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  runOptions,
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
  imageOutput,
  type ImagesInput,
  initialLatents,
  planTimesteps,
  predictGuided,
  prepareImages,
  previewLatents,
  repeatRows,
  stepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnText,
  type GuidanceOptions,
  guidanceOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** What a StableDiffusionUpscalePipeline consists of. */
export interface StableDiffusionUpscaleComponents
  extends Omit<StableDiffusionComponents, "imageEncoder"> {
  /** Adds the noise to the small image: DDPMScheduler. */
  readonly lowResScheduler: Scheduler;
  /** Puts a mark into images; not used. */
  readonly watermarker: unknown;
}

/** Options of a call. */
export interface StableDiffusionUpscaleOptions extends RunOptions, GuidanceOptions {
  /** The small image, or one for each prompt; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** Number of denoising steps. Defaults to 75. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the small image, a timestep from 0 to 350 (`max_noise_level`). Defaults to 20. */
  readonly noiseLevel?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height, width] of the small image. */
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
  ImageOutput
>;

const { imageEncoder: _, ...components } = stableDiffusion.components;

/** Image and text to larger images; `StableDiffusionUpscalePipeline` of diffusers. */
export const StableDiffusionUpscalePipeline: PipelineClass<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionUpscalePipeline",
  task: "upscaling",
  family: "stable-diffusion-upscale",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    image: { type: "image", list: "allowed", required: true },
    numInferenceSteps: { type: "integer", minimum: 1 },
    noiseLevel: { type: "integer", minimum: 0 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 75, guidanceScale: 9, noiseLevel: 20 },
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
  const given = await prepareImages(await run.images(), image, {
    multiple: vaeScaleFactor(vae),
    resample: "bicubic",
  });
  const channels = vae.config.latent_channels;
  checkChannels(unet.config.in_channels, channels, given.dims[1]!);

  const { numInferenceSteps = 75 } = options;
  const timesteps = planTimesteps(scheduler, { numInferenceSteps });
  const noise = batchNoise(count, options);
  // Given generators draw as in the reference, for each image given; own ones for each made.
  const own = options.generator === undefined;
  const images = own ? repeatRows(given, count, "images") : given;
  const added = randnTensor(images.dims, firstOf(noise.generator, images.dims[0]!));
  const noisy = lowResScheduler.addNoise(images, added, [noiseLevel]);
  const small = repeatRows(noisy, count, "images");
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
  const made = await imageOutput(run, shown, outputType, recipe);
  return nsfwContentDetected === undefined ? made : { ...made, nsfwContentDetected };
}

/** Latents to images in about -1..1. */
async function decode(vae: Autoencoder, latents: Tensor): Promise<Tensor> {
  return (await vae.decode(latents.div(SCALING_FACTOR))).sample;
}

/** The generators that draw for that many images. */
function firstOf(generator: GeneratorInput, count: number): GeneratorInput {
  return Array.isArray(generator) ? generator.slice(0, count) : generator;
}

function checkNoiseLevel(noiseLevel: number, most: number): void {
  if (Number.isInteger(noiseLevel) && noiseLevel >= 0 && noiseLevel <= most) return;
  throw new RangeError(
    `Cannot add noise of level ${noiseLevel} to the image: noiseLevel must be an integer from 0 ` +
      `to ${most}`,
  );
}

function checkChannels(have: number, latents: number, image: number): void {
  if (have === latents + image) return;
  throw new RangeError(
    `Cannot upscale with a UNet of ${have} input channels: it must have ${latents + image}, for ` +
      `latents and the small image`,
  );
}
