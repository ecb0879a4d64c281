/**
 * LDMSuperResolutionPipeline: an image four times as wide and high. A UNet without text sees the small
 * image beside the latents. Rombach et al. (arXiv:2112.10752), section 4.4.
 *
 * What DDIM draws with `eta` comes from the call's generators, where the reference draws it from torch's
 * global one.
 *
 * @example
 * ```ts ignore
 * import { LDMSuperResolutionPipeline } from "@denoise/denoise";
 *
 * const pipe = await LDMSuperResolutionPipeline.fromPretrained(
 *   "CompVis/ldm-super-resolution-4x-openimages",
 * );
 * const { images } = await pipe({ image: "small.png", eta: 1, seed: 0 });
 * await images[0].save("large.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import type { Autoencoder, Denoiser } from "@denoise/roles";
import {
  type AutoencoderConfig,
  batchNoise,
  denoise,
  type DenoiserConfig,
  finishLatents,
  type ImagesInput,
  initialLatents,
  prepareImages,
  previewLatents,
  retrieveTimesteps,
  stepOptions,
} from "@denoise/diffusion";

/** What an LDMSuperResolutionPipeline consists of. */
export interface LDMSuperResolutionComponents {
  /** VQModel. */
  readonly vqvae: Autoencoder<AutoencoderConfig>;
  /** UNet2DModel of twice as many channels as latents have. */
  readonly unet: Denoiser<Pick<DenoiserConfig, "in_channels">>;
  /** Any scheduler for the trained noise, such as DDIMScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface LDMSuperResolutionOptions extends RunOptions {
  /**
   * One small image or several of one size, their sides cut down to multiples of 32; or a tensor as
   * the UNet takes it, float32 [N, 3, height, width] in -1..1.
   */
  readonly image: ImagesInput;
  /** Number of denoising steps. Defaults to 100. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
}

/** A loaded LDMSuperResolutionPipeline. */
export type LDMSuperResolutionPipeline = Pipeline<
  LDMSuperResolutionComponents,
  [options: LDMSuperResolutionOptions],
  ImageOutput
>;

/** Small images to large ones; `LDMSuperResolutionPipeline` of diffusers. */
export const LDMSuperResolutionPipeline: PipelineClass<
  LDMSuperResolutionComponents,
  [options: LDMSuperResolutionOptions],
  ImageOutput
> = definePipeline({
  className: "LDMSuperResolutionPipeline",
  task: "upscaling",
  family: "latent-diffusion-super-resolution",
  options: {
    ...runOptions,
    image: { type: "image", list: "allowed", required: true },
    numInferenceSteps: { type: "integer", minimum: 1 },
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 100 },
  components: {
    vqvae: { kind: "model" },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
  },
  generate,
});

type Run = PipelineRun<LDMSuperResolutionComponents>;

async function* generate(run: Run, options: LDMSuperResolutionOptions) {
  const { unet, vqvae, scheduler } = run.components;
  const { numInferenceSteps = 100, eta = 0, outputType, signal } = options;
  const small = await smallImages(run, options.image);
  const [count, imageChannels, height, width] = small.dims as [number, number, number, number];
  const channels = Math.floor(unet.config.in_channels / 2);
  checkChannels(unet.config.in_channels, channels, imageChannels);

  const noise = batchNoise(count, options);
  const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps });
  const latents = initialLatents([count, channels, height, width], noise, scheduler);
  const settings = stepOptions(scheduler, noise, { eta });
  const recipe = (i: number) => ({
    seed: noise.seedOf(i)?.toString(),
    steps: numInferenceSteps,
    eta,
  });

  const shown = { ...run, components: { vae: unscaled(vqvae) } };
  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: async (latents, timestep) => {
      const input = scheduler.scaleModelInput(Tensor.cat([latents, small], 1), timestep);
      return (await unet.forward(input, timestep, { signal })).sample;
    },
    preview: (stepped) => previewLatents(shown, stepped, recipe),
  });
  return await finishLatents(shown, last, outputType, recipe);
}

/** The small images in -1..1: float32 [N, 3, height, width]. */
async function smallImages(run: Run, image: ImagesInput): Promise<Tensor> {
  if (!(image instanceof Tensor)) {
    return await prepareImages(await run.images(), image, { multiple: 32 });
  }
  if (image.dtype === "float32" && image.dims.length === 4) return image;
  throw new TypeError(
    `Cannot make ${image} larger: a tensor must be float32 [N, C, height, width] in -1..1`,
  );
}

function checkChannels(have: number, latents: number, image: number): void {
  if (have === latents + image) return;
  throw new RangeError(
    `Cannot show a UNet of ${have} input channels an image of ${image}: it must have ` +
      `${latents + image}, for ${latents} of the latents and those of the image`,
  );
}

/** The autoencoder with latents as they are, whatever its config says of their scale. */
function unscaled(vqvae: Autoencoder<AutoencoderConfig>): Autoencoder<AutoencoderConfig> {
  return Object.create(vqvae, { config: { value: { ...vqvae.config, scaling_factor: 1 } } });
}
