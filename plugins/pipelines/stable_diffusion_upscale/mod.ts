/**
 * StableDiffusionUpscalePipeline: an image four times as wide and high, after a text. The UNet sees
 * the small image beside the latents, with some noise, and is conditioned on how much: Rombach et al.
 * (arXiv:2112.10752), section 4.4; Ho et al., "Cascaded Diffusion Models" (arXiv:2106.15282).
 *
 * Not covered: the watermarker.
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
  type GeneratorInput,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  randnTensor,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  drawnImages,
  type Family,
  type ImagesInput,
  imageStartOptions,
  initialLatents,
  latentPipeline,
  prepareImages,
  type Prompt,
  repeatRows,
  type Start,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnText,
  type GuidanceOptions,
  guidanceOptions,
  predictByUNet,
  sd,
  stableDiffusion,
  type StableDiffusionComponents,
  type UNetControl,
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
  prompt: Prompt | undefined,
  options: StableDiffusionUpscaleOptions,
];

/** A loaded StableDiffusionUpscalePipeline. */
export type StableDiffusionUpscalePipeline = Pipeline<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleArguments,
  ImageOutput
>;

/** The scaling factor of the upscaler's autoencoder; diffusers takes it whatever the config says. */
const SCALING_FACTOR = 0.08333;

/** Stable Diffusion whose UNet is conditioned on the noise level of the small image. */
const upscaler: Family<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleOptions,
  UNetControl
> = {
  name: "stable-diffusion-upscale",
  size: sd.size,
  async encode(run, prompt, options) {
    const { noiseLevel = 0, signal } = options;
    checkNoiseLevel(noiseLevel, Number(run.settings.max_noise_level));
    const text = await conditionOnText(run, prompt, options);
    const { count, guidance, guidanceScale, encoderHiddenStates } = text;
    const classLabels = Tensor.full([encoderHiddenStates.dims[0]!], noiseLevel, "int64");
    const conditioning = { encoderHiddenStates, classLabels, signal };
    return {
      count,
      facts: { guidanceScale, noiseLevel },
      denoiser: () => predictByUNet(run.components.unet, conditioning, { guidance, guidanceScale }),
    };
  },
  decode: async (vae, latents, options) =>
    (await vae.decode(latents.div(SCALING_FACTOR), options)).sample,
};

/** From noise, with the small image beside it, noised as far as `noiseLevel` says. */
const fromSmallImage: Start<StableDiffusionUpscaleComponents, StableDiffusionUpscaleOptions> = {
  from: "noise",
  async begin(run, options, { count, noise, plan: planFor }) {
    const { unet, vae, scheduler, lowResScheduler } = run.components;
    const { image, noiseLevel = 0, latents } = options;
    const factor = vaeScaleFactor(vae);
    const given = await prepareImages(await run.images(), image, {
      multiple: factor,
      resample: "bicubic",
    });
    const channels = vae.config.latent_channels;
    checkChannels(unet.config.in_channels, channels, given.dims[1]!);
    const images = drawnImages(given, count, options);
    const added = randnTensor(images.dims, firstOf(noise.generator, images.dims[0]!));
    const noisy = lowResScheduler.addNoise(images, added, [noiseLevel]);
    const small = repeatRows(noisy, count, "images");
    const [rows, columns] = small.dims.slice(2) as [number, number];
    const size = { height: rows * factor, width: columns * factor };
    const plan = planFor(size);
    return {
      ...{ size, plan, controls: [] },
      latents: initialLatents([count, channels, rows, columns], noise, scheduler, latents),
      denoiserInput: (scaled) => Tensor.cat([scaled, small], 1),
    };
  },
};

const { imageEncoder: _, ...components } = stableDiffusion.components;

/** Image and text to larger images; `StableDiffusionUpscalePipeline` of diffusers. */
export const StableDiffusionUpscalePipeline: PipelineClass<
  StableDiffusionUpscaleComponents,
  StableDiffusionUpscaleArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionUpscalePipeline",
  task: "upscaling",
  family: upscaler,
  start: fromSmallImage,
  components: {
    ...components,
    lowResScheduler: { kind: "scheduler" },
    watermarker: { kind: "model", optional: true },
  },
  settings: { max_noise_level: 350 },
  options: {
    ...runOptions,
    ...guidanceOptions,
    image: imageStartOptions.image,
    numInferenceSteps: timestepOptions.numInferenceSteps,
    noiseLevel: { type: "integer", minimum: 0, cost: "none" },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 75, guidanceScale: 9, noiseLevel: 20 },
});

/** The generators that draw for that many images. */
function firstOf(generator: GeneratorInput, count: number): GeneratorInput {
  return Array.isArray(generator) ? generator.slice(0, count) : generator;
}

function checkNoiseLevel(noiseLevel: number, most: number): void {
  if (noiseLevel <= most) return;
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
