/**
 * RePaintPipeline: inpainting with an unconditional UNet that was never trained for it: the run goes back some
 * steps again and again, so that what is inpainted and what is kept agree. Lugmayr et al. (arXiv:2201.09865).
 *
 * The config of another scheduler of the repo, such as DDPMScheduler, is taken over by a RePaintScheduler.
 * White of the mask is kept, black is inpainted. With generators that are given all images draw from the first
 * one on the way, as in diffusers.
 *
 * @example
 * ```ts ignore
 * import { RePaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await RePaintPipeline.fromPretrained("google/ddpm-ema-celebahq-256");
 * const { images } = await pipe({ image: "face.png", maskImage: "mask.png", seed: 0 });
 * await images[0].save("inpainted.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  Generator,
  type ImageInput,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  runOptions,
  type Scheduler,
  type SchedulerClass,
  Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  batchNoise,
  denormalize,
  finishStep,
  finishUnconditional,
  type ImagesInput,
  prepareImages,
  toImages,
} from "@denoise/diffusion";

/** What a RePaintPipeline consists of. */
export interface RePaintComponents {
  /** UNet2DModel. */
  readonly unet: Denoiser;
  /** RePaintScheduler, or another whose config it takes over. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface RePaintOptions extends RunOptions {
  /**
   * One image or several of one size, their sides cut down to multiples of 8; or a tensor, float32
   * [N, 3, height, width] in -1..1.
   */
  readonly image: ImagesInput;
  /**
   * What is kept: white, in one mask for all images or one for each, its sides cut down to multiples of 32; or
   * a tensor, float32 [N, 1, height, width].
   */
  readonly maskImage: ImagesInput;
  /** Number of denoising steps, those that are made again not counted. Defaults to 250. */
  readonly numInferenceSteps?: number | undefined;
  /** The share of DDPM's noise that what is inpainted is given in each step, 0..1. Defaults to 0. */
  readonly eta?: number | undefined;
  /** How many steps are gone back at once. Defaults to 10. */
  readonly jumpLength?: number | undefined;
  /** How often each of these stretches is gone through. Defaults to 10. */
  readonly jumpNSample?: number | undefined;
}

/** A loaded RePaintPipeline. */
export type RePaintPipeline = Pipeline<RePaintComponents, [options: RePaintOptions], ImageOutput>;

/** An image inpainted; `RePaintPipeline` of diffusers. */
export const RePaintPipeline: PipelineClass<
  RePaintComponents,
  [options: RePaintOptions],
  ImageOutput
> = definePipeline({
  className: "RePaintPipeline",
  task: "inpainting",
  family: "repaint",
  options: {
    ...runOptions,
    image: { type: "image", list: "allowed", required: true },
    maskImage: { type: "image", list: "allowed", required: true },
    numInferenceSteps: { type: "integer", minimum: 1 },
    eta: { type: "number" },
    jumpLength: { type: "integer", minimum: 1 },
    jumpNSample: { type: "integer", minimum: 1 },
  },
  defaults: { numInferenceSteps: 250, eta: 0, jumpLength: 10, jumpNSample: 10 },
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  generate,
});

type Run = PipelineRun<RePaintComponents>;

async function* generate(run: Run, options: RePaintOptions) {
  const { unet, scheduler: given } = run.components;
  const { numInferenceSteps = 250, eta = 0, jumpLength = 10, jumpNSample = 10 } = options;
  const { outputType, signal } = options;
  const originalImage = await imagesOf(run, options.image);
  const mask = await masksOf(run, options.maskImage, originalImage);
  const noise = batchNoise(originalImage.dims[0]!, options);
  const Class = await run.registry.get("RePaintScheduler", "scheduler", "RePaintPipeline");
  const scheduler = (Class as SchedulerClass).fromConfig(given.config, { eta });
  scheduler.setTimesteps(numInferenceSteps, { jumpLength, jumpNSample });
  const generator = options.generator === undefined || noise.generator instanceof Generator
    ? noise.generator
    : noise.generator[0]!;
  const recipe = (i: number) => ({
    seed: noise.seedOf(i)?.toString(),
    ...{ steps: numInferenceSteps, eta, jumpLength, jumpNSample },
  });

  let sample = randnTensor(originalImage.dims, noise.generator);
  let before = Infinity;
  const total = scheduler.timesteps.length;
  for (const [index, timestep] of scheduler.timesteps.entries()) {
    const settings = { originalImage, mask, generator };
    const isBack = timestep > before;
    const stepped = isBack
      ? { prevSample: scheduler.undoStep(sample, before, { generator }) }
      : scheduler.step(
        (await unet.forward(sample, timestep, { signal })).sample,
        timestep,
        sample,
        settings,
      );
    const step = {
      ...{ index, total, timestep, latents: stepped.prevSample },
      preview: () => toImages(run, denormalize(stepped.prevSample), recipe),
    };
    yield step;
    sample = await finishStep(step, options);
    before = timestep;
  }
  return await finishUnconditional(run, sample, outputType, recipe);
}

async function imagesOf(run: Run, image: ImagesInput): Promise<Tensor> {
  if (!(image instanceof Tensor)) {
    return await prepareImages(await run.images(), image, { multiple: 8 });
  }
  return image.dims.length === 3 ? image.unsqueeze(0) : image;
}

/** Masks of the size of the images, 1 where they are kept: float32 [1 or N, 1, H, W]. */
async function masksOf(run: Run, given: ImagesInput, { dims }: Tensor): Promise<Tensor> {
  const codec = await run.images();
  const rows = await Promise.all(([given].flat() as readonly ImageInput[]).map(async (mask) => {
    if (mask instanceof Tensor) {
      return mask.dims.length === 4 ? mask : mask.reshape([1, 1, ...mask.dims.slice(-2)]);
    }
    const { dims: [, , height = 0, width = 0] } = await codec.toTensor(mask, { mode: "L" });
    const cut = (side: number) => side - side % 32;
    const size = { height: cut(height), width: cut(width) };
    const grey = await codec.toTensor(mask, { ...size, mode: "L", resample: "nearest" });
    return grey.map((x) => x < 0.5 ? 0 : 1);
  }));
  const masks = Tensor.cat(rows);
  const [count, , height, width] = masks.dims;
  const fits = (count === 1 || count === dims[0]) && height === dims[2] && width === dims[3];
  if (fits) return masks;
  throw new RangeError(
    `Cannot inpaint ${dims[0]} images of ${dims[3]}x${
      dims[2]
    } with ${count} masks of ${width}x${height}: ` +
      "give one mask, or one for each image, of their size, whose sides are multiples of 32",
  );
}
